//! OpenAI's chat fine-tuning lines: `{"messages": [{"role", "content"}, ...]}`, the last message being the answer to
//! learn, with the `tools` and the `response_format` that it was asked for with (`wire::line`).

use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use wire::{Form, Role, Turn, line};

use crate::lines::{self, DatasetError};

/// One line: a conversation whose last message is the answer. Further keys of a line are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatExample {
    /// Functions that may be called stand in the form alone.
    pub messages: Vec<Turn>,
    /// What the answer had to be.
    pub form: Form,
}

impl ChatExample {
    /// A conversation whose answer is a text as any other.
    #[must_use]
    pub fn new(messages: Vec<Turn>) -> Self {
        Self { messages, form: Form::Text }
    }

    /// The turns that are asked, as a student sees them, and the answer to them; `None` when the last message is not the
    /// assistant's or is the only one.
    #[must_use]
    pub fn split(&self) -> Option<(Vec<Turn>, &Turn)> {
        let (answer, prompt) = self.messages.split_last()?;
        (answer.role == Role::Assistant && !prompt.is_empty()).then(|| (self.form.shown(prompt), answer))
    }

    pub(crate) fn problem(&self) -> Option<&'static str> {
        self.split().is_none().then_some("the last message must be the assistant's answer to the ones before it")
    }
}

impl Serialize for ChatExample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = RawValue::from_string(line::write(&self.messages, &self.form));
        line.map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChatExample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = Box::<RawValue>::deserialize(deserializer)?;
        let (messages, form) = line::read(line.get()).map_err(D::Error::custom)?;
        Ok(Self { messages, form })
    }
}

/// Reads a file of chat lines; empty lines are passed over.
///
/// # Errors
/// When it cannot be read, or a line is not of this form; the message names the line.
pub fn read_chat(path: &Path) -> Result<Vec<ChatExample>, DatasetError> {
    lines::read(path, ChatExample::problem)
}

/// The lines of `examples`.
///
/// # Errors
/// Never for text; the form cannot fail.
pub fn chat_lines<'a>(examples: impl IntoIterator<Item = &'a ChatExample>) -> Result<Vec<u8>, DatasetError> {
    Ok(lines::json_lines(examples)?)
}

/// Replaces `path` by the lines of `examples`, durably.
///
/// # Errors
/// When the file cannot be written.
pub fn write_chat<'a>(path: &Path, examples: impl IntoIterator<Item = &'a ChatExample>) -> Result<(), DatasetError> {
    Ok(lines::write_json_lines(path, examples)?)
}
