//! How far a student's answer agrees with the teacher's. A score in [0, 1] is the quality of an audit.

use serde::{Deserialize, Serialize};

pub use crate::similarity::rouge_l;

/// How a call site's answers are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// 1 when equal after white space is collapsed, else 0.
    Exact,
    /// 1 when both are JSON of equal value (key order and spacing ignored), else 0.
    Json,
    /// ROUGE-L F-measure over lower-cased words (Lin, "ROUGE", 2004).
    #[default]
    Similar,
}

impl Comparison {
    /// The agreement of `student` with `teacher`.
    #[must_use]
    pub fn score(self, student: &str, teacher: &str) -> f64 {
        match self {
            Self::Exact => f64::from(u8::from(student.split_whitespace().eq(teacher.split_whitespace()))),
            Self::Json => {
                let value = |text| serde_json::from_str::<serde_json::Value>(text).ok();
                f64::from(u8::from(value(student).is_some_and(|left| Some(left) == value(teacher))))
            }
            Self::Similar => rouge_l(student, teacher),
        }
    }
}
