//! What is said about an answer, whatever API it came by.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Call, Calls, Usage};

/// What an answer said, as far as learning and auditing need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompletionSummary {
    pub spent: Spent,
    /// Where functions are called, the text of the calls.
    pub text: String,
    /// Why it ended, in the words of chat completions (`stop`, `length`, `content_filter`, `tool_calls`); absent when
    /// the answer was cut off.
    pub finish: Option<String>,
    pub refused: bool,
    pub called: Called,
}

/// What an answer calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Called {
    #[default]
    Nothing,
    Functions,
    /// Something else than functions, or a function with arguments that are no JSON object.
    Other,
}

/// What an answer took, and of which model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub model: String,
    /// Absent where the answer does not say it.
    pub usage: Option<Usage>,
    pub details: UsageDetails,
}

/// Parts of the tokens that a teacher may tell apart; 0 where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageDetails {
    /// Of the prompt's tokens: read from the teacher's cache.
    pub cached_input: u32,
    /// Of the answer's tokens: thought and not said.
    pub reasoning: u32,
}

impl UsageDetails {
    /// As both APIs report them, each beside the number that it is part of.
    pub(crate) fn of(input: Option<&RawValue>, output: Option<&RawValue>) -> Self {
        #[derive(Default, Deserialize)]
        struct Details {
            cached_tokens: Option<u32>,
            reasoning_tokens: Option<u32>,
        }
        // Of whatever form: an answer is not lost over it.
        let read = |said: Option<&RawValue>| -> Details {
            said.and_then(|said| serde_json::from_str(said.get()).ok()).unwrap_or_default()
        };
        Self {
            cached_input: read(input).cached_tokens.unwrap_or_default(),
            reasoning: read(output).reasoning_tokens.unwrap_or_default(),
        }
    }
}

impl CompletionSummary {
    /// Whether the model would not answer: its own refusal or a content filter's.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.refused || self.finish.as_deref() == Some("content_filter")
    }

    /// Whether it is a complete answer of text or of calls that a student could learn from.
    #[must_use]
    pub fn is_trainable(&self) -> bool {
        let came_to_its_end = match self.called {
            Called::Nothing => self.finish.as_deref() == Some("stop"),
            // A call that the request demanded by name ends with `stop`.
            Called::Functions => matches!(self.finish.as_deref(), Some("stop" | "tool_calls")),
            Called::Other => false,
        };
        came_to_its_end && !self.refused && !self.text.is_empty()
    }

    /// Takes what was called, of which `None` is what a student cannot learn; what was said so far is said beside it.
    pub(crate) fn call(&mut self, calls: Vec<Option<Call>>) {
        if calls.is_empty() {
            return;
        }
        self.called = match calls.into_iter().collect::<Option<Vec<Call>>>() {
            Some(calls) => {
                self.text = Calls { content: std::mem::take(&mut self.text), calls }.text();
                Called::Functions
            }
            None => Called::Other,
        };
    }
}

/// What a student's answer carries besides its text.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// What tells it from all other answers; what stands before it (`chatcmpl-`, `resp_`) is the API's business.
    pub id: &'a str,
    pub created_s: u64,
    /// The model name that the client asked for: some clients check it.
    pub model: &'a str,
    /// The body of the request: Responses repeat what they were asked with.
    pub asked: &'a [u8],
}
