//! A policy in words: what moves the traffic, and how sure that is. Says what the numbers mean and decides nothing.

use crate::policy::{CanaryStep, Policy, Ratings, Risk, Sticky};

impl Policy {
    /// One sentence for each thing that a site under this policy does, in the order in which it meets them.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let percent = |share: f64| format!("{}%", (share * 1000.0).round() / 10.0);
        let of = match self.risk {
            Risk::Joint => "of all requests",
            Risk::Selective => "of the requests it answers",
        };
        let mut said = vec![
            format!(
                "on the first requests the teacher is asked a second time ({} times): that chooses how answers are compared, unless `comparison` names it",
                self.repeats
            ),
            format!(
                "a version that passes its exam ({}) is compared on {} of the requests",
                percent(self.exam_min),
                percent(self.audit_share_shadow)
            ),
            format!(
                "it may serve when its answers above a confidence threshold are proven better than {} (against a teacher that varies: no more than {} further from it than it is from itself), fewer than {} {of} would get a bad one, and the threshold covers {} at least",
                self.quality_min,
                self.margin,
                percent(self.risk_alpha),
                percent(self.coverage_min)
            ),
            format!(
                "with at most {} chance of ever being wrong about the quality and {} about the bad ones, over all versions together",
                percent(self.promote_alpha),
                percent(self.risk_delta)
            ),
        ];
        if self.shadow_only {
            said.push("but shadow_only is set: it is compared and never serves".into());
        }
        said.extend(self.canary.iter().map(|step| self.explain_step(step)));
        said.push(format!(
            "then it is offered {} of the requests; {} are audited for ever, {} while in doubt, and when what it serves falls below {} the site goes back to the teacher (a false alarm in {} audits)",
            percent(self.share_max),
            percent(self.audit_share_serving),
            percent(self.audit_share_doubt),
            self.quality_floor,
            self.drift_audits
        ));
        said.push(match self.ratings {
            Ratings::Ignored => "a person's ratings are kept and count for nothing".to_owned(),
            Ratings::Against => "a bad rating by a person counts against it, a good one is only shown".to_owned(),
        });
        let slow = |latency_ms| format!(", or more than {} take over {latency_ms} ms", percent(self.slow_max));
        said.push(format!(
            "{} failures in a row send it back at once, and so it does when more than {} of its attempts fail{}; an operator can at any time",
            self.failures_max,
            percent(self.errors_max),
            self.latency_max_ms.map(slow).unwrap_or_default()
        ));
        said
    }

    fn explain_step(&self, step: &CanaryStep) -> String {
        let mut text = format!("canary: {}% of the requests until {} more audits", step.share * 100.0, step.audits);
        if step.minutes > 0.0 {
            text.push_str(&format!(", {} minutes", step.minutes));
        }
        if step.users > 0 {
            text.push_str(&format!(", {} users", step.users));
        }
        if step.gate {
            text.push_str(", once a person has promoted it");
        }
        match self.sticky {
            Sticky::None => {}
            Sticky::User => text.push_str("; a user stays on one side"),
            Sticky::Conversation => text.push_str("; a conversation stays on one side"),
        }
        text
    }
}
