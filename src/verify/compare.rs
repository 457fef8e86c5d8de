//! How far a student's answer agrees with the teacher's. A score in [0, 1] is the quality of an audit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

/// ROUGE-L F1 of two texts: words are runs of letters and digits, lower-cased; 0 when either has none.
#[must_use]
pub fn rouge_l(left: &str, right: &str) -> f64 {
    // Words become numbers so that the inner loop compares integers.
    let mut ids = BTreeMap::new();
    let mut words = |text: &str| -> Vec<usize> {
        let lower = text.to_lowercase();
        let parts = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let next = ids.len();
                *ids.entry(part.to_owned()).or_insert(next)
            })
            .collect()
    };
    let (left, right) = (words(left), words(right));
    let common = longest_common_subsequence(&left, &right);
    if common == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "word counts")]
    let score = 2.0 * common as f64 / (left.len() + right.len()) as f64;
    score
}

/// Length of the longest common subsequence, O(|left| |right|) time, O(|right|) memory.
fn longest_common_subsequence(left: &[usize], right: &[usize]) -> usize {
    let mut row = vec![0; right.len() + 1];
    for word in left {
        let mut diagonal = 0;
        let mut before = 0;
        for (cell, other) in row.iter_mut().skip(1).zip(right) {
            let above = *cell;
            *cell = if word == other { diagonal + 1 } else { above.max(before) };
            diagonal = above;
            before = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}
