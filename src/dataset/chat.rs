//! OpenAI's chat fine-tuning lines: `{"messages": [{"role", "content"}, ...]}`, the last message being the answer to
//! learn.

use std::path::Path;

use serde::{Deserialize, Serialize};
use wire::{Role, Turn};

use crate::lines::{self, DatasetError};

/// One line: a conversation whose last message is the answer. Further keys of a line are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatExample {
    pub messages: Vec<Turn>,
}

impl ChatExample {
    /// The turns that are asked and the answer to them; `None` when the last message is not the assistant's
    /// or is the only one.
    #[must_use]
    pub fn split(&self) -> Option<(&[Turn], &Turn)> {
        let (answer, prompt) = self.messages.split_last()?;
        (answer.role == Role::Assistant && !prompt.is_empty()).then_some((prompt, answer))
    }

    pub(crate) fn problem(&self) -> Option<&'static str> {
        self.split().is_none().then_some("the last message must be the assistant's answer to the ones before it")
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
