//! The file forms of training data, one JSON object a line: conversations (`chat`), completions with a label and pairs
//! of completions (`preference`).
//!
//! Reads and writes files; chooses, filters and judges nothing.

mod chat;
mod lines;
mod preference;

pub use chat::{ChatExample, chat_lines, read_chat, write_chat};
pub use lines::DatasetError;
pub use preference::{
    LabelledExample, PreferenceExample, read_labelled, read_preferences, write_labelled, write_preferences,
};

#[cfg(test)]
mod tests;
