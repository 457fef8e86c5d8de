//! The configured way to compare a call site's answers: left to the site's own traffic, or named by the operator.

use serde::{Deserialize, Serialize};

use crate::choose::{Choice, Repeat, as_text, choose};
use crate::measure::Measure;

/// `[site] comparison`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The site's first answers choose, when the teacher is asked twice.
    #[default]
    Auto,
    /// Word for word.
    Exact,
    /// Numbers and labels.
    Value,
    /// JSON, every field of equal value.
    Json,
    /// ROUGE-L and the facts.
    Similar,
    /// Against the teacher's own variance.
    SelfRelative,
    /// By the judge, where it passes its calibration; else against the teacher's own variance.
    Judged,
}

impl Comparison {
    /// The measure, where it needs nothing that is learnt from the teacher's repeated answers.
    #[must_use]
    pub fn given(self, tolerance: f64) -> Option<Measure> {
        match self {
            Self::Exact => Some(Measure::Exact),
            Self::Value => Some(Measure::Value { tolerance }),
            Self::Json => Some(Measure::Fields { tolerance, free: Vec::new() }),
            Self::Similar => Some(Measure::Similar),
            Self::Auto | Self::SelfRelative | Self::Judged => None,
        }
    }

    /// The measure that repeated answers of the teacher suggest. `judge` says whether one can be asked.
    #[must_use]
    pub fn choose(self, repeats: &[Repeat], margin: f64, tolerance: f64, judge: bool) -> Choice {
        match self {
            Self::SelfRelative => as_text(repeats, margin, false),
            Self::Judged => as_text(repeats, margin, judge),
            _ => choose(repeats, margin, tolerance, judge),
        }
    }
}

impl Choice {
    /// What an operator has named.
    #[must_use]
    pub fn given(measure: Measure) -> Self {
        let why = format!("the configuration names `{}`", measure.label());
        Self { kind: None, measure, why }
    }
}
