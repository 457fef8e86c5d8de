//! The file forms of training data. So far one: OpenAI's chat fine-tuning lines, one JSON object a line,
//! `{"messages": [{"role", "content"}, ...]}`, the last message being the answer to learn.
//!
//! Reads and writes files; chooses, filters and judges nothing.

mod foreign;

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wire::{Role, Turn};

pub use foreign::{LINE_BYTES_MAX, Line, LineProblem, Lines, open_lines};

/// A failure with a data file.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{} line {line}: {problem}", path.display())]
    Line { path: PathBuf, line: usize, problem: String },
}

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
}

/// Reads a file of chat lines; empty lines are passed over.
///
/// # Errors
/// When it cannot be read, or a line is not of this form; the message names the line.
pub fn read_chat(path: &Path) -> Result<Vec<ChatExample>, DatasetError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| std::io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))?;
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parse = |(at, line): (usize, &str)| {
        let failed = |problem: String| DatasetError::Line { path: path.to_owned(), line: at + 1, problem };
        let example: ChatExample = serde_json::from_str(line).map_err(|error| failed(error.to_string()))?;
        match example.split() {
            Some(_) => Ok(example),
            None => Err(failed("the last message must be the assistant's answer to the ones before it".into())),
        }
    };
    numbered.map(parse).collect()
}

/// The lines of `examples`.
///
/// # Errors
/// Never for text; the form cannot fail.
pub fn chat_lines<'a>(examples: impl IntoIterator<Item = &'a ChatExample>) -> Result<Vec<u8>, DatasetError> {
    let mut lines = Vec::new();
    for example in examples {
        serde_json::to_writer(&mut lines, example).map_err(std::io::Error::from)?;
        lines.write_all(b"\n")?;
    }
    Ok(lines)
}

/// Replaces `path` by the lines of `examples`, durably.
///
/// # Errors
/// When the file cannot be written.
pub fn write_chat<'a>(path: &Path, examples: impl IntoIterator<Item = &'a ChatExample>) -> Result<(), DatasetError> {
    Ok(files::replace(path, &chat_lines(examples)?)?)
}

#[cfg(test)]
mod tests;
