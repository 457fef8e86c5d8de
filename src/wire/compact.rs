//! JSON without the white space between its parts, everything else as it was written: the order of keys, the spelling of
//! numbers and texts.

use serde_json::value::RawValue;

/// `json`, which is valid.
pub(crate) fn compact(json: &str) -> String {
    let (mut text, mut inside, mut escaped) = (String::with_capacity(json.len()), false, false);
    for letter in json.chars() {
        if inside {
            inside = letter != '"' || escaped;
            escaped = letter == '\\' && !escaped;
        } else if letter.is_ascii_whitespace() {
            continue;
        } else {
            inside = letter == '"';
        }
        text.push(letter);
    }
    text
}

/// The same of a text that is one JSON object; nothing where it is something else.
pub(crate) fn object(text: &str) -> Option<String> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    raw.get().starts_with('{').then(|| compact(raw.get()))
}
