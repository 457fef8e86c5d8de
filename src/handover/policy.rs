//! The numbers a call site is held to. Defaults are those of the design; every field can be set per site.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// One step of the canary: serve `share` of the requests locally until `audits` more have been compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryStep {
    pub share: f64,
    pub audits: u64,
}

/// Hand-over policy of one call site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Quality that must be exceeded before any traffic moves (q0).
    pub quality_min: f64,
    /// Quality below which a serving student has drifted (q1 <= q0).
    pub quality_floor: f64,
    /// Lifetime probability of promoting a student that is not better than `quality_min`.
    pub promote_alpha: f64,
    /// Largest share of all requests that may get a bad local answer.
    pub risk_alpha: f64,
    /// Lifetime probability of serving with a threshold that exceeds `risk_alpha`.
    pub risk_delta: f64,
    /// An audited answer below this quality is bad.
    pub bad_below: f64,
    /// Mean audits between false alarms of the drift detector (A).
    pub drift_audits: f64,
    /// Share of requests audited before promotion.
    pub audit_share_shadow: f64,
    /// Share of requests audited in Canary and Student, for ever.
    pub audit_share_serving: f64,
    /// Least share of requests that the proven threshold must cover.
    pub coverage_min: f64,
    pub canary: Vec<CanaryStep>,
    /// Exam score on held-out exchanges below which a version does not enter Shadow.
    pub exam_min: f64,
    /// Consecutive failures of the student after which the site goes back to the teacher.
    pub failures_max: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            quality_min: 0.90,
            quality_floor: 0.87,
            promote_alpha: 0.05,
            risk_alpha: 0.10,
            risk_delta: 0.10,
            bad_below: 0.5,
            drift_audits: 10_000.0,
            audit_share_shadow: 0.25,
            audit_share_serving: 0.10,
            coverage_min: 0.20,
            canary: vec![CanaryStep { share: 0.10, audits: 10 }, CanaryStep { share: 0.50, audits: 20 }],
            exam_min: 0.50,
            failures_max: 20,
        }
    }
}

impl Policy {
    /// What is wrong with the numbers, in words; empty when nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let open = |name: &str, value: f64| {
            (!(value > 0.0 && value < 1.0)).then(|| format!("{name} = {value} must lie strictly between 0 and 1"))
        };
        let mut problems: Vec<String> = [
            open("quality_min", self.quality_min),
            open("quality_floor", self.quality_floor),
            open("promote_alpha", self.promote_alpha),
            open("risk_alpha", self.risk_alpha),
            open("risk_delta", self.risk_delta),
        ]
        .into_iter()
        .flatten()
        .collect();
        let share = |value: f64| value > 0.0 && value <= 1.0;
        if self.quality_floor > self.quality_min {
            problems.push(format!("quality_floor = {} must not exceed quality_min", self.quality_floor));
        }
        if !share(self.audit_share_shadow) || !share(self.audit_share_serving) {
            problems.push("audit shares must lie in (0, 1]: audits are the only evidence".into());
        }
        if !self.canary.iter().all(|step| share(step.share)) {
            problems.push("every canary share must lie in (0, 1]".into());
        }
        problems
    }

    /// The error budget of candidate `number` (1, 2, ...): `budget * 6 / (pi^2 k^2)`, which sums to the
    /// budget over all the versions that a site will ever try.
    pub(crate) fn share_of(budget: f64, number: u32) -> f64 {
        budget * 6.0 / (PI * PI * f64::from(number).powi(2))
    }
}
