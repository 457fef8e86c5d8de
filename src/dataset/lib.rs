//! The file forms of training data, one JSON object a line: conversations (`chat`), completions with a label and pairs
//! of completions (`preference`), as the trainer reads them, what the teacher thought of an answer (`taught`); and every [`Form`] that data is passed around in, read into and
//! written from a [`Record`] (`forms`). `foreign`: lines that somebody else wrote.
//!
//! Reads and writes files; chooses, filters and judges nothing.

mod chat;
mod foreign;
mod forms;
mod lines;
mod preference;
mod record;
mod taught;

pub use chat::{ChatExample, chat_lines, read_chat, write_chat};
pub use foreign::{LINE_BYTES_MAX, Line, LineProblem, Lines, open_lines};
pub use forms::{Form, RefusedLine, read_records, write_records};
pub use lines::{DatasetError, json_lines, write_json_lines};
pub use preference::{
    LabelledExample, PreferenceExample, read_labelled, read_preferences, write_labelled, write_preferences,
};
pub use record::{Answered, Record};

pub use taught::{AnswerToken, LikelyToken, Logprobs, TaughtExample, read_taught};

#[cfg(test)]
mod tests;
