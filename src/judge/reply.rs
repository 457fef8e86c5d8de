//! The JSON object in what a judge wrote, whatever stands around it: code fences, greetings, second thoughts.
//!
//! Keys and names are compared in lower case. Nothing is guessed: an answer that says two things says nothing.

use std::collections::BTreeMap;

use serde_json::{Deserializer, Map, Value};
use wire::{Answer, Finish};

use crate::JudgeError;

/// Characters of a bad answer that go into the message.
const SHOWN_CHARS_MAX: usize = 200;

/// An object with its keys in lower case.
pub(crate) type Fields = BTreeMap<String, Value>;

/// The one object in `answer` that has the key `wanted`; the same object twice is one.
///
/// # Errors
/// [`JudgeError::Unreadable`] when there is none, or there are several that differ.
pub(crate) fn object(answer: &Answer, wanted: &str) -> Result<Fields, JudgeError> {
    let mut found = objects(&answer.text).filter(|fields| fields.contains_key(wanted));
    let first = found.next().ok_or_else(|| {
        let cut_off = if answer.finish == Finish::Length { ": it was cut off, raise `judge.max_tokens`" } else { "" };
        unreadable(answer, &format!("it holds no JSON object with the key `{wanted}`{cut_off}"))
    })?;
    if found.any(|other| other.get(wanted) != first.get(wanted)) {
        return Err(unreadable(answer, &format!("it holds several JSON objects that differ in `{wanted}`")));
    }
    Ok(first)
}

pub(crate) fn unreadable(answer: &Answer, problem: &str) -> JudgeError {
    let text = answer.text.chars().take(SHOWN_CHARS_MAX).collect();
    JudgeError::Unreadable { problem: problem.to_owned(), text }
}

/// Every JSON object of `text` that lies in no other.
fn objects(text: &str) -> impl Iterator<Item = Fields> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + text.get(from..)?.find('{')?;
            let mut stream = Deserializer::from_str(text.get(at..)?).into_iter::<Map<String, Value>>();
            match stream.next() {
                Some(Ok(map)) => {
                    from = at + stream.byte_offset();
                    return Some(lower(map));
                }
                Some(Err(_)) | None => from = at + 1,
            }
        }
    })
}

pub(crate) fn lower(map: Map<String, Value>) -> Fields {
    map.into_iter().map(|(key, value)| (key.trim().to_lowercase(), value)).collect()
}
