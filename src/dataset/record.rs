//! One example whatever form it came in: what was asked, and what is known of the answer.

use serde_json::{Map, Value};
use wire::{Role, Turn};

/// An example.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The conversation up to the answer; never empty.
    pub asked: Vec<Turn>,
    pub answer: Answered,
    /// Keys of the line that no form knows: they are carried from one form to the other.
    pub extra: Map<String, Value>,
}

/// What is known of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    One(String),
    /// Whether it is desirable.
    Labelled(String, bool),
    Pair {
        chosen: String,
        rejected: String,
    },
}

impl Record {
    /// Splits `turns` before its last, which is the answer.
    ///
    /// # Errors
    /// When there is no answer, or nothing was asked.
    pub(crate) fn of_turns(mut turns: Vec<Turn>, extra: Map<String, Value>) -> Result<Self, String> {
        let answer = turns.pop().filter(|turn| turn.role == Role::Assistant);
        let answer = answer.ok_or("the last message must be the assistant's")?;
        if turns.is_empty() {
            return Err("nothing is asked: the answer is the only message".to_owned());
        }
        Ok(Self { asked: turns, answer: Answered::One(answer.text), extra })
    }

    /// The one answer that there is.
    ///
    /// # Errors
    /// For a pair.
    pub(crate) fn one(&self) -> Result<&str, String> {
        match &self.answer {
            Answered::One(text) | Answered::Labelled(text, _) => Ok(text),
            Answered::Pair { .. } => {
                Err("there are two answers, `chosen` and `rejected`; this form holds one".to_owned())
            }
        }
    }

    /// What was asked, then the one answer.
    pub(crate) fn turns(&self) -> Result<Vec<Turn>, String> {
        let answer = Turn::new(Role::Assistant, self.one()?);
        Ok(self.asked.iter().cloned().chain([answer]).collect())
    }

    /// The conversation as a student learns it: the desirable or chosen answer; none for an undesirable one.
    #[must_use]
    pub fn to_learn(&self) -> Option<crate::ChatExample> {
        let text = match &self.answer {
            Answered::Labelled(_, false) => return None,
            Answered::One(text) | Answered::Labelled(text, true) | Answered::Pair { chosen: text, .. } => text,
        };
        let messages = self.asked.iter().cloned().chain([Turn::new(Role::Assistant, text)]).collect();
        Some(crate::ChatExample::new(messages))
    }
}
