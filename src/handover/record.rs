//! What is written down about a call site. The append-only log of these records is the truth; every
//! state is a cache that a replay rebuilds.

use serde::{Deserialize, Serialize};

/// Where a call site stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// Why a call site changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A new version passed its exam.
    Candidate,
    /// The drift detector fired.
    Drift,
    /// The evidence passed its thresholds.
    Evidence,
    /// The student failed too often in a row.
    Failures,
    /// A person said so.
    Operator,
}

impl Cause {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Drift => "drift",
            Self::Evidence => "evidence",
            Self::Failures => "failures",
            Self::Operator => "operator",
        }
    }
}

/// A version that passed its exam and asks to be tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub version: String,
    /// Confidence thresholds to be tested, fixed before the first audit.
    pub grid: Vec<f64>,
    /// Share of held-out exchanges answered well.
    pub exam: f64,
}

/// One request answered by both and compared: the only source of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    pub request: String,
    pub version: String,
    /// Agreement of the student's answer with the teacher's, in [0, 1].
    pub quality: f64,
    pub confidence: f64,
    /// Whether the student's answer passed the site's verifiers.
    pub verified: bool,
    /// Whether the client got the student's answer.
    pub served: bool,
}

/// A change of state with what it stood on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Switch {
    pub from: State,
    pub to: State,
    pub cause: Cause,
    /// The version on trial or serving after the switch.
    pub version: Option<String>,
    /// Index into the canary steps when `to` is Canary.
    #[serde(default)]
    pub step: usize,
    pub lower_bound: Option<f64>,
    /// The proven confidence threshold at the time.
    pub threshold: Option<f64>,
    pub audits: u64,
    /// A person's reason.
    pub reason: Option<String>,
}

/// One entry of a site's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    Audit(Audit),
    Candidate(Candidate),
    /// A version failed its exam and was not tried.
    Failed {
        version: String,
        exam: f64,
    },
    Switch(Switch),
}
