//! Which of two answers is better, from the two orders in which the judge saw them.

use serde_json::Value;
use wire::Answer;

use crate::JudgeError;
use crate::reply::{object, unreadable};

/// What the judge said of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    A,
    B,
    Tie,
}

/// Who is better once both orders are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Student,
    Teacher,
    Tie,
}

/// The judge's opinion of a student's and a teacher's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Preference {
    pub outcome: Outcome,
    /// With the student as A, and with the student as B.
    pub orders: [Better; 2],
    /// The judge's sentence to each order; may be empty.
    pub reasons: [String; 2],
    /// What this verdict cost; 0 when it was known already.
    pub cost: f64,
}

impl Preference {
    /// The student wins only if it is better in both orders and loses only if it is worse in both; all else is a tie
    /// (science 2.8). A lost and a tied order are a tie, as a won and a tied one are: only the symmetric rule gives two
    /// equal answers the mean 1/2 that non-inferiority is measured from, whatever the judge's love of a position. The
    /// bad answers that it calls ties are in the judge's measured sensitivity.
    pub(crate) fn of([first, second]: [Said; 2], cost: f64) -> Self {
        let orders = [first.better, second.better];
        let outcome = match orders {
            [Better::A, Better::B] => Outcome::Student,
            [Better::B, Better::A] => Outcome::Teacher,
            _ => Outcome::Tie,
        };
        Self { outcome, orders, reasons: [first.reason, second.reason], cost }
    }

    /// 1 when the student wins, 1/2 for a tie, 0 when it loses.
    #[must_use]
    pub fn quality(&self) -> f64 {
        match self.outcome {
            Outcome::Student => 1.0,
            Outcome::Tie => 0.5,
            Outcome::Teacher => 0.0,
        }
    }

    /// Whether the student's answer is bad: it lost.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.outcome == Outcome::Teacher
    }

    /// Whether the judge chose a position instead of an answer.
    #[must_use]
    pub fn by_position(&self) -> bool {
        matches!(self.orders, [Better::A, Better::A] | [Better::B, Better::B])
    }
}

/// One order's verdict.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    better: Better,
    reason: String,
}

impl Said {
    /// Reads `{"better": "A" | "B" | "tie", "reason": "..."}`.
    pub(crate) fn read(answer: &Answer) -> Result<Self, JudgeError> {
        let fields = object(answer, "better")?;
        let said = fields.get("better").and_then(Value::as_str).unwrap_or_default().trim().to_lowercase();
        let better = match said.strip_prefix("answer").unwrap_or(&said).trim_matches([' ', '_', '.']) {
            "a" => Better::A,
            "b" => Better::B,
            "tie" => Better::Tie,
            _ => {
                let found = fields.get("better").unwrap_or(&Value::Null);
                return Err(unreadable(answer, &format!("`better` is {found} and must be \"A\", \"B\" or \"tie\"")));
            }
        };
        let reason = fields.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { better, reason })
    }
}
