//! The forms in which training data is passed around, each read into and written from a [`Record`].
//!
//! - `chat`: OpenAI's fine-tuning lines and its preferences; `trl`: TRL's; `instruct`: Alpaca; `turns`: ShareGPT and self-play's
//!   `conversations`; `flywheel`: NVIDIA's record of a call; `fields`: reading what a line holds, with the field's name in every error.

mod chat;
mod fields;
mod flywheel;
mod instruct;
mod trl;
mod turns;

use std::path::Path;

use serde_json::{Map, Value};

use crate::record::Record;
use crate::{DatasetError, LineProblem, open_lines, write_json_lines};

/// A form: one JSON object a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{"messages": [{"role", "content"}]}`, OpenAI's chat fine-tuning.
    OpenaiChat,
    /// `{"input": {"messages"}, "preferred_output", "non_preferred_output"}`, OpenAI's preferences.
    OpenaiDpo,
    /// `{"instruction", "input", "output", "system"?, "history"?}`
    Alpaca,
    /// `{"conversations": [{"from", "value"}], "system"?}`
    Sharegpt,
    /// `{"prompt", "completion"}`
    TrlPromptCompletion,
    /// `{"prompt", "chosen", "rejected"}`
    TrlPreference,
    /// `{"prompt", "completion", "label"}`
    TrlKto,
    /// `{"conversations": [{"role", "content"}], "label"}`, self-play's.
    Conversations,
    /// `{"timestamp", "workload_id", "client_id", "request", "response"}`, NVIDIA's.
    Flywheel,
}

type Line = Map<String, Value>;

impl Form {
    pub const ALL: [Self; 9] = [
        Self::OpenaiChat,
        Self::OpenaiDpo,
        Self::Alpaca,
        Self::Sharegpt,
        Self::TrlPromptCompletion,
        Self::TrlPreference,
        Self::TrlKto,
        Self::Conversations,
        Self::Flywheel,
    ];

    /// The name that the command line has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiDpo => "openai-dpo",
            Self::Alpaca => "alpaca",
            Self::Sharegpt => "sharegpt",
            Self::TrlPromptCompletion => "trl-prompt-completion",
            Self::TrlPreference => "trl-preference",
            Self::TrlKto => "trl-kto",
            Self::Conversations => "conversations",
            Self::Flywheel => "flywheel",
        }
    }

    /// The form that a line with these keys has.
    fn of(line: &Line) -> Option<Self> {
        let has = |key| line.contains_key(key);
        let first = line.get("conversations").and_then(Value::as_array).and_then(|turns| turns.first());
        Some(match () {
            () if has("messages") => Self::OpenaiChat,
            () if has("preferred_output") => Self::OpenaiDpo,
            () if has("instruction") => Self::Alpaca,
            () if has("chosen") => Self::TrlPreference,
            () if has("completion") && has("label") => Self::TrlKto,
            () if has("completion") => Self::TrlPromptCompletion,
            () if has("workload_id") || (has("request") && has("response")) => Self::Flywheel,
            () if first.is_some_and(|turn| turn.get("from").is_some()) => Self::Sharegpt,
            () if first.is_some() => Self::Conversations,
            () => return None,
        })
    }

    fn read(self, line: Line) -> Result<Record, String> {
        match self {
            Self::OpenaiChat => chat::read(line),
            Self::OpenaiDpo => chat::read_preference(line),
            Self::Alpaca => instruct::read(line),
            Self::Sharegpt => turns::read_sharegpt(line),
            Self::TrlPromptCompletion => trl::read(line),
            Self::TrlPreference => trl::read_preference(line),
            Self::TrlKto => trl::read_labelled(line),
            Self::Conversations => turns::read(line),
            Self::Flywheel => flywheel::read(line),
        }
    }

    fn write(self, record: &Record) -> Result<Line, String> {
        match self {
            Self::OpenaiChat => chat::write(record),
            Self::OpenaiDpo => chat::write_preference(record),
            Self::Alpaca => instruct::write(record),
            Self::Sharegpt => turns::write_sharegpt(record),
            Self::TrlPromptCompletion => trl::write(record),
            Self::TrlPreference => trl::write_preference(record),
            Self::TrlKto => trl::write_labelled(record),
            Self::Conversations => turns::write(record),
            Self::Flywheel => flywheel::write(record),
        }
    }
}

impl std::str::FromStr for Form {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names: Vec<&str> = Self::ALL.iter().map(|form| form.name()).collect();
        Self::ALL
            .into_iter()
            .find(|form| form.name() == name)
            .ok_or_else(|| format!("no form is called `{name}`; there are: {}", names.join(", ")))
    }
}

/// A line that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLine {
    pub line: usize,
    pub problem: String,
}

/// The records of `path` and the lines that are none, in `form` or, without one, each in the form that its keys tell.
///
/// # Errors
/// When the file cannot be read.
pub fn read_records(path: &Path, form: Option<Form>) -> Result<(Vec<Record>, Vec<RefusedLine>), DatasetError> {
    let (mut records, mut refused) = (Vec::new(), Vec::new());
    for line in open_lines(path)? {
        let (number, ended, text) = line?;
        match text.and_then(|text| record(&text, ended, form)) {
            Ok(record) => records.push(record),
            Err(problem) => refused.push(RefusedLine { line: number, problem: problem.to_string() }),
        }
    }
    Ok((records, refused))
}

fn record(text: &str, ended: bool, form: Option<Form>) -> Result<Record, LineProblem> {
    let line: Line = serde_json::from_str(text).map_err(|error| match ended {
        true => LineProblem::Form(error.to_string()),
        false => LineProblem::Torn(error.to_string()),
    })?;
    let keys = || line.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let form = form.or_else(|| Form::of(&line));
    let form = form.ok_or_else(|| LineProblem::Form(format!("no known form has the keys {}", keys())))?;
    form.read(line).map_err(|problem| LineProblem::Form(format!("as {}: {problem}", form.name())))
}

/// Replaces `path` by `records` in `form`, durably.
///
/// # Errors
/// When the form cannot hold one of them, with its number and field, or the file cannot be written.
pub fn write_records(path: &Path, form: Form, records: &[Record]) -> Result<(), DatasetError> {
    let line = |(at, record): (usize, &Record)| {
        form.write(record).map_err(|problem| {
            let problem = format!("the record cannot be put as {}: {problem}", form.name());
            DatasetError::Line { path: path.to_owned(), line: at + 1, problem }
        })
    };
    let lines = records.iter().enumerate().map(line).collect::<Result<Vec<Line>, DatasetError>>()?;
    Ok(write_json_lines(path, lines)?)
}
