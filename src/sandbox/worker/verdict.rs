//! What a value or an exception of the interpreter means.

use std::fmt::{self, Write};

use monty_types::{ExcType, MontyException, MontyObject};
use sandbox::protocol::{Outcome, TEXT_CHARS_MAX};

use crate::lacks::is_lack;

/// `true`, `false`, their spelling as text, and `None` are answers; everything else is not.
pub(crate) fn of_value(value: &MontyObject) -> Outcome {
    let spelled = |text: &str, word| text.trim().eq_ignore_ascii_case(word);
    match value {
        MontyObject::Bool(answer) => Outcome::Value(*answer),
        MontyObject::None => Outcome::Value(false),
        MontyObject::String(text) if spelled(text, "true") => Outcome::Value(true),
        MontyObject::String(text) if spelled(text, "false") => Outcome::Value(false),
        MontyObject::String(text) => Outcome::NotBool { repr: format!("'{}'", cut(text)) },
        MontyObject::Repr(text) => Outcome::NotBool { repr: cut(text) },
        other => Outcome::NotBool { repr: display(other) },
    }
}

/// A limit, a lack of the interpreter, or the function's own exception.
pub(crate) fn of_exception(error: &MontyException, function: &str) -> Outcome {
    let message = error.message().unwrap_or_default();
    match error.exc_type() {
        ExcType::TimeoutError if message.starts_with("time limit exceeded") => Outcome::TimeLimit,
        ExcType::MemoryError if message.starts_with("memory limit exceeded") => Outcome::MemoryLimit,
        ExcType::NameError if message == format!("name '{function}' is not defined") => Outcome::NoFunction,
        kind if is_lack(kind, message) => Outcome::Unsupported { message: cut(&error.summary()) },
        kind => Outcome::Raised { exception: kind.to_string(), message: cut(message) },
    }
}

/// The first characters of `text`.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// The first characters of a value as Python shows it, without ever holding the rest.
fn display(value: &MontyObject) -> String {
    let mut start = Start { text: String::new(), chars_left: TEXT_CHARS_MAX };
    // Fails when the room is used up, which is what it is for.
    let _full = write!(start, "{value}");
    start.text
}

struct Start {
    text: String,
    chars_left: usize,
}

impl Write for Start {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        for char in more.chars() {
            self.chars_left = self.chars_left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(char);
        }
        Ok(())
    }
}
