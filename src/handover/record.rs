//! What is written down about a call site. The append-only log of these records is the truth; every
//! state is a cache that a replay rebuilds. Nothing here decides.

use callsite::{SiteId, VersionId};
use serde::{Deserialize, Serialize};

use verify::{Calibration, Choice, Features, Measure, Repeat};

use crate::{Basis, Policy};

/// Where a call site stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The teacher answers; there is no version to try.
    #[default]
    Teacher,
    /// The teacher answers; a version is compared on audited requests.
    Shadow,
    /// A share of the requests is answered by the student.
    Canary,
    /// The student answers whatever it may.
    Student,
    /// A person stopped the machine: the teacher answers and nothing moves until a person releases it.
    Held,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Teacher, Self::Shadow, Self::Canary, Self::Student, Self::Held];

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Student => "student",
            Self::Held => "held",
        }
    }

    /// Whether clients may get a student's answer in this state.
    #[must_use]
    pub fn is_serving(self) -> bool {
        matches!(self, Self::Canary | Self::Student)
    }
}

/// Why a call site changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// What the evidence depends on has changed; the switch's reason names it.
    BasisChanged,
    /// A version passed its exam, or waited and now gets its trial.
    Candidate,
    /// The drift detector fired.
    Drift,
    /// The evidence passed its thresholds.
    Evidence,
    /// More attempts gave no answer than the error budget allows.
    ErrorBudget,
    /// The student failed too often in a row.
    Failures,
    /// More answers were slow than the latency budget allows.
    LatencyBudget,
    /// The log lost records: what it still says proves nothing.
    LogDamaged,
    /// A person said so.
    Operator,
}

impl Cause {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::BasisChanged => "basis_changed",
            Self::Candidate => "candidate",
            Self::Drift => "drift",
            Self::Evidence => "evidence",
            Self::ErrorBudget => "error_budget",
            Self::Failures => "failures",
            Self::LatencyBudget => "latency_budget",
            Self::LogDamaged => "log_damaged",
            Self::Operator => "operator",
        }
    }
}

/// A version that passed its exam and asks to be tried, with what its evidence will be held to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub version: VersionId,
    /// Confidence thresholds to be tested, fixed before the first audit.
    pub grid: Vec<f64>,
    /// The threshold of the grid that the exam suggests; it gets most of the error budget.
    #[serde(default)]
    pub likely: Option<f64>,
    /// Share of held-out exchanges answered well.
    pub exam: f64,
    /// What its answers are measured by; evidence counts from the moment on that it is known.
    #[serde(default)]
    pub measure: Option<Measure>,
    /// What turns the student's signals into its confidence; the least sure token where there is none.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// The numbers this trial is judged by for as long as it lives, whatever the configuration says later.
    pub policy: Policy,
    pub basis: Basis,
}

/// What an audit saw of the student.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum AuditOutcome {
    Compared {
        /// By the trial's measure, in [0, 1].
        quality: f64,
        /// By the measure's own rule: this answer should not have reached a client.
        bad: bool,
        /// The student's confidence in its answer, in [0, 1].
        confidence: f64,
        /// Whether the student's answer passed the site's verifiers.
        verified: bool,
        /// What the quality was made from.
        #[serde(default, skip_serializing_if = "Numbers::are_absent")]
        numbers: Numbers,
    },
    /// The student failed to answer at all.
    NoAnswer,
}

/// The numbers behind a quality, kept so that it can be looked into later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Numbers {
    /// Similarity of the student's answer with the teacher's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
    /// The same of the teacher's second answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<f64>,
    /// The judge's preference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<f64>,
    /// A fact, a field or a word was wrong.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wrong: bool,
    /// The teacher refused what the student answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

impl Numbers {
    fn are_absent(&self) -> bool {
        *self == Self::default()
    }
}

/// One request put to both: the only source of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    pub request: String,
    pub version: VersionId,
    /// Whether the client got the student's answer.
    pub served: bool,
    /// Hash of what the student was shown: a prompt is evidence once.
    #[serde(default)]
    pub prompt: u64,
    /// Hash of prompt and teacher's answer without their numbers.
    #[serde(default)]
    pub near: u64,
    /// Hash of who asked, where the request says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// What the student's own distributions said of its answer, for another meaning of its confidence to learn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,
    #[serde(flatten)]
    pub outcome: AuditOutcome,
}

/// What a person says of an answer of a student's that a client got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// The request that it answered.
    pub request: String,
    pub version: VersionId,
    pub good: bool,
    /// The student's confidence in it; known only where the request was audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Where it was said beside the teacher's answer, by somebody who was not told which was whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
}

/// What else was said of two answers to one request. Evidence is [`Rating::good`] alone; this is for those who learn from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    pub teacher_good: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub student_points: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher_points: Option<Points>,
}

/// Points from 1 (poor) to 5 by the rubric for content of games.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    /// Fun and viability.
    pub fun: u8,
    pub structure: u8,
    /// To what was asked for.
    pub adherence: u8,
}

impl Points {
    #[must_use]
    pub fn sum(&self) -> u32 {
        u32::from(self.fun) + u32::from(self.structure) + u32::from(self.adherence)
    }

    #[must_use]
    pub fn are_valid(&self) -> bool {
        [self.fun, self.structure, self.adherence].iter().all(|points| (1..=5).contains(points))
    }
}

/// Which of a site's two versions a switch moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The version that the site's state speaks of.
    #[default]
    Incumbent,
    /// The version that wants its place. `from` and `to` are its own: Shadow, Canary, then Student when it
    /// replaces the incumbent, or Teacher when it is dropped.
    Challenger,
}

/// A change of state with what it stood on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Switch {
    #[serde(default)]
    pub role: Role,
    pub from: State,
    pub to: State,
    pub cause: Cause,
    /// The version that moved.
    pub version: Option<VersionId>,
    /// Index into the canary steps when `to` is Canary.
    #[serde(default)]
    pub step: usize,
    pub lower_bound: Option<f64>,
    /// The proven confidence threshold at the time.
    pub threshold: Option<f64>,
    pub audits: u64,
    /// A person's reason, or the names that changed in the basis.
    pub reason: Option<String>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The site stops at its present weight, or goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// The site's own cap of the student's share; 1 lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_max: Option<f64>,
    /// Versions that this site never serves again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discarded: Vec<VersionId>,
    /// What evidence depends on from now on; what was gathered before is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

impl Switch {
    /// Whether it only discards a version, pauses or caps.
    #[must_use]
    pub fn moves_nobody(&self) -> bool {
        let only = !self.discarded.is_empty() || self.paused.is_some() || self.share_max.is_some();
        self.role == Role::Incumbent && self.from == self.to && only
    }
}

/// One entry of the log of all sites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// 0, 1, 2, ... over all sites.
    pub seq: u64,
    /// Unix time.
    pub at_ms: u64,
    pub site: SiteId,
    #[serde(flatten)]
    pub record: Record,
}

/// What one entry says of its site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "records are written one at a time; ten thousand of the newest are kept")]
pub enum Record {
    Audit(Audit),
    Candidate(Candidate),
    /// A version failed its exam and was not tried.
    FailedExam {
        version: VersionId,
        exam: f64,
    },
    Switch(Switch),
    Rating(Rating),
    /// The teacher was asked twice.
    Repeat {
        /// What a measure depends on; a repeat on another ground begins the choice anew.
        on: Basis,
        repeat: Repeat,
    },
    /// The measure that candidates are held to from now on.
    Measure {
        on: Basis,
        choice: Choice,
    },
}
