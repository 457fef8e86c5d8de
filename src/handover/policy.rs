//! The numbers a call site is held to. Defaults are those of the design; every field can be set per site.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::betting::Betting;

/// One step of the canary: serve `share` of the requests locally until `audits` more have been compared, and for at
/// least so many `minutes` and distinct `users` of audited requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryStep {
    pub share: f64,
    pub audits: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub minutes: f64,
    #[serde(default, skip_serializing_if = "is_none")]
    pub users: u32,
    /// Whether a person must `promote` the site into this step.
    #[serde(default, skip_serializing_if = "is_open")]
    pub gate: bool,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

fn is_none(value: &u32) -> bool {
    *value == 0
}

fn is_open(gate: &bool) -> bool {
    !gate
}

/// What the threshold's risk is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Bad local answers of all requests.
    #[default]
    Joint,
    /// Bad local answers of those served.
    Selective,
}

/// What a person's rating of a served answer counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ratings {
    /// It is kept and shown.
    Ignored,
    /// A bad one is evidence against the version; a good one proves nothing, since people choose what they rate.
    #[default]
    Against,
}

/// What keeps requests that belong together on one side of a canary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sticky {
    /// Nothing: every request has a die of its own.
    #[default]
    None,
    /// The request's `user` field.
    User,
    /// The conversation's first messages.
    Conversation,
}

/// Most distinct users that a step may ask for.
const USERS_MAX: u32 = 1_000;

/// Hand-over policy of one call site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Quality of the served answers that must be exceeded before any traffic moves (q0).
    pub quality_min: f64,
    /// Quality below which a serving student has drifted (q1 <= q0).
    pub quality_floor: f64,
    /// Lifetime probability of promoting a student that is not better than `quality_min`.
    pub promote_alpha: f64,
    /// Largest share of all requests that may get a bad local answer.
    pub risk_alpha: f64,
    /// Lifetime probability of serving with a threshold that exceeds `risk_alpha`.
    pub risk_delta: f64,
    /// Whether the risk is of all requests or of those served.
    pub risk: Risk,
    /// How the promotion test bets.
    pub betting: Betting,
    /// By the measure `similar` an answer below this quality is bad.
    pub bad_below: f64,
    /// How much further from the teacher than the teacher is from itself a student may be on average, and how much
    /// less often than half it may be preferred.
    pub margin: f64,
    /// Numbers of two answers that differ by no more than this share are equal.
    pub tolerance: f64,
    /// Requests on which the teacher is asked a second time before the measure is chosen.
    pub repeats: u32,
    /// Mean audits between false alarms of the drift detector (A).
    pub drift_audits: f64,
    /// Share of requests audited before promotion.
    pub audit_share_shadow: f64,
    /// Share of requests audited in Canary and Student, for ever.
    pub audit_share_serving: f64,
    /// The same while the drift detector is in doubt.
    pub audit_share_doubt: f64,
    /// Least share of requests that the proven threshold must cover.
    pub coverage_min: f64,
    pub canary: Vec<CanaryStep>,
    /// Audits after which a challenger that has not earned its place leaves the version that serves alone.
    pub challenger_audits_max: u64,
    /// Most of the requests that may be offered to a student.
    pub share_max: f64,
    /// Compare and never serve.
    pub shadow_only: bool,
    pub sticky: Sticky,
    pub ratings: Ratings,
    /// Exam score on held-out exchanges below which a version does not enter Shadow.
    pub exam_min: f64,
    /// Consecutive failures of the student after which the site goes back to the teacher.
    pub failures_max: u32,
    /// Share of the attempts that may give no answer.
    pub errors_max: f64,
    /// An answer that takes longer (milliseconds) is slow; without it no answer is.
    pub latency_max_ms: Option<u64>,
    /// Share of the answers that may be slow.
    pub slow_max: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            quality_min: 0.90,
            quality_floor: 0.90,
            promote_alpha: 0.05,
            risk_alpha: 0.10,
            risk_delta: 0.10,
            risk: Risk::Joint,
            betting: Betting::Mix5,
            bad_below: 0.5,
            margin: 0.05,
            tolerance: 1e-6,
            repeats: 12,
            drift_audits: 10_000.0,
            audit_share_shadow: 0.25,
            audit_share_serving: 0.10,
            audit_share_doubt: 0.50,
            coverage_min: 0.20,
            canary: vec![step(0.10, 10), step(0.50, 20)],
            challenger_audits_max: 1_000,
            share_max: 1.0,
            shadow_only: false,
            sticky: Sticky::None,
            ratings: Ratings::Against,
            exam_min: 0.50,
            failures_max: 20,
            errors_max: 0.05,
            latency_max_ms: None,
            slow_max: 0.05,
        }
    }
}

/// A step that waits for audits alone.
#[must_use]
pub fn step(share: f64, audits: u64) -> CanaryStep {
    CanaryStep { share, audits, ..CanaryStep::default() }
}

impl Policy {
    /// Whether evidence gathered under `other` answers the same question: all that the tests and the canary
    /// depend on is equal. Audit shares, `share_max`, `shadow_only`, `sticky`, `repeats`, `exam_min`, `failures_max` and the
    /// budgets may differ: they hold at once.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let at_once = Self {
            audit_share_shadow: self.audit_share_shadow,
            audit_share_serving: self.audit_share_serving,
            audit_share_doubt: self.audit_share_doubt,
            challenger_audits_max: self.challenger_audits_max,
            share_max: self.share_max,
            shadow_only: self.shadow_only,
            sticky: self.sticky,
            repeats: self.repeats,
            exam_min: self.exam_min,
            failures_max: self.failures_max,
            errors_max: self.errors_max,
            latency_max_ms: self.latency_max_ms,
            slow_max: self.slow_max,
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
            share("audit_share_doubt", self.audit_share_doubt),
            share("share_max", self.share_max),
            (!(self.margin > 0.0 && self.margin <= 0.49))
                .then(|| format!("margin = {} must lie in (0, 0.49]", self.margin)),
            (!(0.0..=0.99).contains(&self.tolerance))
                .then(|| format!("tolerance = {} must lie in [0, 0.99]", self.tolerance)),
            (!(2..=200).contains(&self.repeats)).then(|| format!("repeats = {} must lie in 2..=200", self.repeats)),
            or_zero("coverage_min", self.coverage_min),
            (self.challenger_audits_max == 0).then(|| "challenger_audits_max = 0 must be at least 1".to_owned()),
            or_zero("exam_min", self.exam_min),
            (self.failures_max == 0).then(|| "failures_max = 0 must be at least 1".to_owned()),
            open("errors_max", self.errors_max),
            (self.latency_max_ms == Some(0)).then(|| "latency_max_ms = 0 must be at least 1".to_owned()),
            open("slow_max", self.slow_max),
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
            let minutes = (!(step.minutes >= 0.0 && step.minutes.is_finite()))
                .then(|| format!("canary[{at}].minutes = {} must be a number of at least 0", step.minutes));
            let users = (step.users > USERS_MAX)
                .then(|| format!("canary[{at}].users = {} must be at most {USERS_MAX}", step.users));
            [share, audits, minutes, users].into_iter().flatten()
        })
    }

    /// The error budget of candidate `number` (1, 2, ...): `budget * 6 / (pi^2 k^2)`, which sums to the
    /// budget over all the versions that a site will ever try.
    #[must_use]
    pub fn share_of(budget: f64, number: u32) -> f64 {
        budget * 6.0 / (PI * PI * f64::from(number).powi(2))
    }
}
