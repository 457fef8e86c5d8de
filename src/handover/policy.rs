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
    /// Whether evidence gathered under `other` answers the same question: all that the tests and the canary
    /// depend on is equal. Audit shares, `exam_min` and `failures_max` may differ: they hold at once.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let at_once = Self {
            audit_share_shadow: self.audit_share_shadow,
            audit_share_serving: self.audit_share_serving,
            exam_min: self.exam_min,
            failures_max: self.failures_max,
            ..other.clone()
        };
        *self == at_once
    }

    /// What is wrong with the numbers: key, value and range of each; empty when nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let open = |key: &str, value: f64| {
            (!(value > 0.0 && value < 1.0)).then(|| format!("{key} = {value} must lie strictly between 0 and 1"))
        };
        let share = |key: &str, value: f64| {
            (!(value > 0.0 && value <= 1.0)).then(|| format!("{key} = {value} must lie in (0, 1]"))
        };
        let or_zero = |key: &str, value: f64| {
            (!(0.0..=1.0).contains(&value)).then(|| format!("{key} = {value} must lie in [0, 1]"))
        };
        let (floor, min) = (self.quality_floor, self.quality_min);
        let problems = [
            open("quality_min", min),
            open("quality_floor", floor),
            (floor > min).then(|| format!("quality_floor = {floor} must not exceed quality_min = {min}")),
            open("promote_alpha", self.promote_alpha),
            open("risk_alpha", self.risk_alpha),
            open("risk_delta", self.risk_delta),
            share("bad_below", self.bad_below),
            (!(self.drift_audits > 1.0 && self.drift_audits.is_finite()))
                .then(|| format!("drift_audits = {} must be a number above 1", self.drift_audits)),
            share("audit_share_shadow", self.audit_share_shadow),
            share("audit_share_serving", self.audit_share_serving),
            or_zero("coverage_min", self.coverage_min),
            or_zero("exam_min", self.exam_min),
            (self.failures_max == 0).then(|| "failures_max = 0 must be at least 1".to_owned()),
        ];
        problems.into_iter().flatten().chain(self.canary_problems()).collect()
    }

    fn canary_problems(&self) -> impl Iterator<Item = String> {
        let before = std::iter::once(0.0).chain(self.canary.iter().map(|step| step.share));
        self.canary.iter().zip(before).enumerate().flat_map(|(at, (step, before))| {
            let share = (!(step.share > before && step.share <= 1.0)).then(|| {
                format!("canary[{at}].share = {} must lie in ({before}, 1]: each step above the one before", step.share)
            });
            let audits = (step.audits == 0).then(|| format!("canary[{at}].audits = 0 must be at least 1"));
            [share, audits].into_iter().flatten()
        })
    }

    /// The error budget of candidate `number` (1, 2, ...): `budget * 6 / (pi^2 k^2)`, which sums to the
    /// budget over all the versions that a site will ever try.
    pub(crate) fn share_of(budget: f64, number: u32) -> f64 {
        budget * 6.0 / (PI * PI * f64::from(number).powi(2))
    }
}
