//! TRL's conversational lines for preferences. Unpaired, for KTO: `{"prompt": [messages], "completion": [message],
//! "label": true}`; paired, for DPO: `{"prompt": [messages], "chosen": [message], "rejected": [message]}`. A completion
//! is one message, the assistant's.

use std::path::Path;

use serde::{Deserialize, Serialize};
use wire::{Role, Turn};

use crate::lines::{self, DatasetError};

/// A completion and whether it is desirable. Further keys of a line are ignored, here and below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelledExample {
    pub prompt: Vec<Turn>,
    pub completion: [Turn; 1],
    pub label: bool,
}

/// Two completions of one prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreferenceExample {
    pub prompt: Vec<Turn>,
    pub chosen: [Turn; 1],
    pub rejected: [Turn; 1],
}

impl LabelledExample {
    fn problem(&self) -> Option<&'static str> {
        problem(&self.prompt, &self.completion)
    }
}

impl PreferenceExample {
    fn problem(&self) -> Option<&'static str> {
        problem(&self.prompt, self.chosen.iter().chain(&self.rejected))
    }
}

fn problem<'a>(prompt: &[Turn], completions: impl IntoIterator<Item = &'a Turn>) -> Option<&'static str> {
    if prompt.is_empty() {
        return Some("the prompt has no message");
    }
    let foreign = completions.into_iter().any(|turn| turn.role != Role::Assistant);
    foreign.then_some("a completion must be the assistant's message")
}

/// Reads a file of labelled completions; empty lines are passed over.
///
/// # Errors
/// When it cannot be read, or a line is not of this form; the message names the line.
pub fn read_labelled(path: &Path) -> Result<Vec<LabelledExample>, DatasetError> {
    lines::read(path, LabelledExample::problem)
}

/// Reads a file of preferences; empty lines are passed over.
///
/// # Errors
/// When it cannot be read, or a line is not of this form; the message names the line.
pub fn read_preferences(path: &Path) -> Result<Vec<PreferenceExample>, DatasetError> {
    lines::read(path, PreferenceExample::problem)
}

/// Replaces `path` by the lines of `examples`, durably.
///
/// # Errors
/// When the file cannot be written.
pub fn write_labelled<'a>(
    path: &Path,
    examples: impl IntoIterator<Item = &'a LabelledExample>,
) -> Result<(), DatasetError> {
    Ok(lines::write_json_lines(path, examples)?)
}

/// Replaces `path` by the lines of `examples`, durably.
///
/// # Errors
/// When the file cannot be written.
pub fn write_preferences<'a>(
    path: &Path,
    examples: impl IntoIterator<Item = &'a PreferenceExample>,
) -> Result<(), DatasetError> {
    Ok(lines::write_json_lines(path, examples)?)
}
