//! What a call site's answers are measured by: chosen once from the site's own traffic or by an operator, frozen
//! before the first piece of evidence and recorded with the trial.
//!
//! Data only. What a measure makes of two answers is in `score`; how one is chosen is in `choose`.

use serde::{Deserialize, Serialize};

/// A measure with the numbers that were frozen with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "measure", rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// 1 when equal after white space is collapsed, else 0.
    Exact,
    /// A number or a label: equal numbers (`tolerance` relative) or equal words, letter case and punctuation ignored.
    Value { tolerance: f64 },
    /// JSON: the share of fields of equal value; bad when any is wrong. `free` fields, on which the teacher disagrees
    /// with itself, must only be there and of the same type. Paths are JSON pointers with `*` for every list index.
    Fields { tolerance: f64, free: Vec<String> },
    /// Text, by the facts and ROUGE-L alone; only where an operator asks for it.
    Similar,
    /// Text against a teacher that varies: `1/2 + similarity(student, teacher) - similarity(teacher again, teacher)`
    /// cut to [0, 1], 0 when a fact is wrong. Its null is "further from the teacher than the teacher is from itself by
    /// more than `margin`". Bad when the similarity is below `bad_below`, the teacher's own 5 % quantile.
    SelfRelative { margin: f64, bad_below: f64 },
    /// A judge's blind preference in both orders: 0 student loses, 1/2 tie, 1 wins; 0 when a fact is wrong. Bad when
    /// the student loses. `sensitivity` is the lower bound of how often the judge sees a bad answer.
    Judged { margin: f64, sensitivity: f64 },
}

impl Measure {
    /// The name in configuration, metrics and messages.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Value { .. } => "value",
            Self::Fields { .. } => "fields",
            Self::Similar => "similar",
            Self::SelfRelative { .. } => "self_relative",
            Self::Judged { .. } => "judged",
        }
    }

    /// The mean quality that must be exceeded: `quality_min` for measures whose 1 is "as the teacher said", one half
    /// less the margin for those that compare the student with the teacher's own variance (science: non-inferiority).
    #[must_use]
    pub fn null_mean(&self, quality_min: f64) -> f64 {
        match self {
            Self::Exact | Self::Value { .. } | Self::Fields { .. } | Self::Similar => quality_min,
            Self::SelfRelative { margin, .. } | Self::Judged { margin, .. } => 0.5 - margin,
        }
    }

    /// Whether every audit asks the teacher a second time.
    #[must_use]
    pub fn needs_repeat(&self) -> bool {
        matches!(self, Self::SelfRelative { .. })
    }

    /// Whether every audit asks the judge.
    #[must_use]
    pub fn needs_judge(&self) -> bool {
        matches!(self, Self::Judged { .. })
    }

    /// How much of what is bad the measure sees at least, in (0, 1].
    #[must_use]
    pub fn sensitivity(&self) -> f64 {
        match self {
            Self::Judged { sensitivity, .. } => *sensitivity,
            Self::Exact | Self::Value { .. } | Self::Fields { .. } | Self::Similar | Self::SelfRelative { .. } => 1.0,
        }
    }
}
