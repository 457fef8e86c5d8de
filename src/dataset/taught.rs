//! Chat lines that keep what the teacher thought of its answer: `logprobs`, as OpenAI's chat completions say it.
//!
//! ```json
//! {"messages": [...], "logprobs": {"content": [{"token": " 42", "bytes": [32, 52, 50], "logprob": -0.1,
//!   "top_logprobs": [{"token": " 42", "bytes": [32, 52, 50], "logprob": -0.1}, {"token": " 40", ...}]}, ...]}}
//! ```
//!
//! The tokens are the teacher's and spell the answer, byte by byte.

use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::chat::ChatExample;
use crate::lines::{self, DatasetError};

/// One line; `logprobs` may be missing or null.
#[derive(Clone, Debug, PartialEq)]
pub struct TaughtExample {
    pub chat: ChatExample,
    pub logprobs: Option<Logprobs>,
}

impl<'de> Deserialize<'de> for TaughtExample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Thought {
            #[serde(default)]
            logprobs: Option<Logprobs>,
        }
        let line = Box::<RawValue>::deserialize(deserializer)?;
        let chat = serde_json::from_str(line.get()).map_err(D::Error::custom)?;
        let Thought { logprobs } = serde_json::from_str(line.get()).map_err(D::Error::custom)?;
        Ok(Self { chat, logprobs })
    }
}

/// What the teacher said of its answer's tokens.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Logprobs {
    #[serde(default)]
    pub content: Option<Vec<AnswerToken>>,
}

/// One token of the answer, and what might have stood in its place.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AnswerToken {
    #[serde(flatten)]
    pub own: LikelyToken,
    #[serde(default)]
    pub top_logprobs: Vec<LikelyToken>,
}

/// A token of the teacher's with its log-probability, nats.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LikelyToken {
    token: String,
    #[serde(default)]
    bytes: Option<Vec<u8>>,
    pub logprob: f64,
}

impl LikelyToken {
    /// What it stands for; half a character has bytes and no text.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.token.as_bytes())
    }
}

impl TaughtExample {
    /// The teacher's tokens; none where it said nothing of them.
    #[must_use]
    pub fn tokens(&self) -> &[AnswerToken] {
        self.logprobs.as_ref().and_then(|logprobs| logprobs.content.as_deref()).unwrap_or_default()
    }

    fn problem(&self) -> Option<&'static str> {
        let Some((_, answer)) = self.chat.split() else { return self.chat.problem() };
        let tokens = self.tokens();
        let all = || tokens.iter().flat_map(|token| std::iter::once(&token.own).chain(&token.top_logprobs));
        // A logarithm that rounding took above 0 is forgiven; OpenAI says -9999 for what is hardly possible.
        if all().any(|token| token.logprob.is_nan() || token.logprob > 1e-3) {
            return Some("a logprob is above 0 or no number");
        }
        let spelt: Vec<u8> = tokens.iter().flat_map(|token| token.own.bytes()).copied().collect();
        (!tokens.is_empty() && spelt != answer.text.as_bytes())
            .then_some("the tokens of logprobs do not spell the assistant's answer")
    }
}

/// Reads a file of chat lines with what the teacher thought of them; empty lines are passed over.
///
/// # Errors
/// When it cannot be read, or a line is not of this form; the message names the line.
pub fn read_taught(path: &Path) -> Result<Vec<TaughtExample>, DatasetError> {
    lines::read(path, TaughtExample::problem)
}

#[cfg(test)]
mod tests;
