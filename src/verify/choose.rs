//! Stub until the measures land.
use serde::{Deserialize, Serialize};

use crate::Measure;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeCheck {
    pub identical_tied: bool,
    pub again_tied_or_won: bool,
    pub corrupted_lost: Option<bool>,
}

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
    #[must_use]
    pub fn of(prompt: u64, _: &str, _: &str, _: &str, _: &dyn Fn(&str, &str) -> f64, _: Option<JudgeCheck>) -> Self {
        Self { prompt }
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
#[must_use]
pub fn corrupt(_: &str, _: &str) -> Option<String> {
    None
}
pub struct Seen<'a> {
    pub prompt: &'a str,
    pub student: &'a str,
    pub teacher: &'a str,
    pub teacher_again: Option<&'a str>,
    pub judged: Option<f64>,
}
pub struct Score {
    pub quality: f64,
    pub bad: bool,
    pub why: Option<String>,
}
impl Measure {
    #[must_use]
    pub fn score(&self, seen: &Seen<'_>, similarity: &dyn Fn(&str, &str) -> f64, bad_below: f64) -> Option<Score> {
        let quality = match self {
            Self::Exact => crate::compare::Comparison::Exact.score(seen.student, seen.teacher),
            Self::Similar => similarity(seen.student, seen.teacher),
            Self::SelfRelative { .. } => {
                (0.5 + similarity(seen.student, seen.teacher) - similarity(seen.teacher_again?, seen.teacher))
                    .clamp(0.0, 1.0)
            }
            _ => seen.judged?,
        };
        let bad = match self {
            Self::Similar => quality < bad_below,
            _ => quality < 0.3,
        };
        Some(Score { quality, bad, why: None })
    }
}
