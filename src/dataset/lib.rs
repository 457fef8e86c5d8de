//! The file forms of training data, one JSON object a line: conversations (`chat`), completions with a label and pairs
//! of completions (`preference`).
//!
//! Reads and writes files; chooses, filters and judges nothing.

mod chat;
mod foreign;
mod lines;
mod preference;

pub use foreign::{LINE_BYTES_MAX, Line, LineProblem, Lines, open_lines};
pub use chat::{ChatExample, chat_lines, read_chat, write_chat};
pub use lines::DatasetError;
pub use preference::{
    LabelledExample, PreferenceExample, read_labelled, read_preferences, write_labelled, write_preferences,
};

#[cfg(test)]
mod tests;
