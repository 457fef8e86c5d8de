//! What a call site's requests did in the last hour, and what its students have saved since the program began.

use callsite::SiteId;
use ledger::SiteView;
use serde::Serialize;
use telemetry::{LastHour, Wait};

use crate::Admin;

/// One site's last hour, to five minutes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrafficView {
    pub requests: u64,
    /// Of these, by who answered: the teacher at once, the teacher after a student was asked, a student.
    pub teacher: u64,
    pub escalated: u64,
    pub student: u64,
    /// How long clients waited, by route; escalations are the teacher's.
    pub teacher_p50_ms: Option<f64>,
    pub teacher_p95_ms: Option<f64>,
    pub student_p50_ms: Option<f64>,
    pub student_p95_ms: Option<f64>,
    /// How requests were told to be the site's (`x-apprentice-site-by`), the most frequent way first.
    pub recognised_by: Vec<(&'static str, u64)>,
    /// The model that was asked for last, and what the teacher charges for it where that is known.
    pub model: String,
    pub price: Option<PriceView>,
}

/// Dollars for a million tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PriceView {
    pub input_usd: f64,
    pub output_usd: f64,
    /// The day that it holds from; absent where the configuration says the price.
    pub since: Option<String>,
}

/// What students have answered in the teacher's place since the program began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SavedView {
    pub tokens: u64,
    /// At the teacher's prices; absent where these are not known.
    pub usd: Option<f64>,
    /// That clients have not waited; less than 0 where the student is slower.
    pub seconds: f64,
    /// Unix time that it is counted from.
    pub since_ms: u64,
}

impl Admin {
    /// The last hour of `site`; `None` without a request in it.
    pub(crate) fn traffic(&self, site: &SiteId) -> Option<TrafficView> {
        let now_ms = (self.clock)();
        let hour = self.metrics.traffic().last_hour(site.as_str(), now_ms)?;
        let requests = hour.requests();
        let LastHour { teacher, escalated, student, teacher_wait, student_wait, recognised_by, model } = hour;
        let price = self.price(&model, now_ms);
        let (p50, p95) = (|wait: Wait| wait.p50_ms, |wait: Wait| wait.p95_ms);
        Some(TrafficView {
            requests,
            teacher,
            escalated,
            student,
            teacher_p50_ms: teacher_wait.map(p50),
            teacher_p95_ms: teacher_wait.map(p95),
            student_p50_ms: student_wait.map(p50),
            student_p95_ms: student_wait.map(p95),
            recognised_by,
            model,
            price,
        })
    }

    /// What the students of the site have saved; `None` before one has answered.
    pub(crate) fn saved(&self, view: &SiteView) -> Option<SavedView> {
        // Looking makes a sample of what it looks at: not of sites that never had a student.
        if view.version.is_none() && view.proven_versions.is_empty() && view.discarded_versions.is_empty() {
            return None;
        }
        let site = view.site.as_str();
        let tokens = |kind| self.metrics.tokens_total(site, "student", kind).get();
        let tokens = tokens("input") + tokens("output");
        (tokens > 0).then(|| SavedView {
            tokens,
            usd: Some(self.metrics.saved_usd(site).get()).filter(|usd| *usd > 0.0),
            seconds: self.metrics.saved_seconds(site).get(),
            since_ms: self.about.since_ms,
        })
    }
}
