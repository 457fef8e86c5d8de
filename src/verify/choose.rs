//! Stub until the measures land.
use serde::{Deserialize, Serialize};

use crate::Measure;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    pub prompt: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    ToolCalls,
    Json,
    FixedWording,
    Value,
    ShortText,
    FreeText,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// `None` where an operator named the measure.
    pub kind: Option<Kind>,
    pub measure: Measure,
    pub why: String,
}

#[must_use]
pub fn choose(_: &[Repeat], margin: f64, _: f64, _: bool) -> Choice {
    Choice { kind: Some(Kind::FreeText), measure: Measure::SelfRelative { margin, bad_below: 0.5 }, why: String::new() }
}
impl Repeat {
    /// For tests.
    #[must_use]
    pub fn example() -> Self {
        Self { prompt: 1 }
    }
}

#[must_use]
pub fn self_relative(repeats: &[Repeat], margin: f64) -> Choice {
    choose(repeats, margin, 0.0, false)
}
#[must_use]
pub fn judged(repeats: &[Repeat], margin: f64, judge: bool) -> Choice {
    choose(repeats, margin, 0.0, judge)
}
