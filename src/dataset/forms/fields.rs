//! What a line holds, by name; an error names the field.

use serde_json::{Map, Value, json};
use wire::{Role, Turn};

/// Takes field `name` out of `line`.
pub(super) fn take(line: &mut Map<String, Value>, name: &str) -> Result<Value, String> {
    line.remove(name).ok_or_else(|| format!("`{name}` is missing"))
}

/// Takes a text.
pub(super) fn text(line: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    match take(line, name)? {
        Value::String(text) => Ok(text),
        other => Err(format!("`{name}` is {}, it must be a text", kind(&other))),
    }
}

/// Takes a text that may be absent or null.
pub(super) fn optional_text(line: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match line.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{name}` is {}, it must be a text", kind(&other))),
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Messages of texts. What cannot be kept (tool calls, names, weights, images) is an error: it would be lost.
pub(super) fn messages(value: &Value, name: &str) -> Result<Vec<Turn>, String> {
    let list = value.as_array().ok_or_else(|| format!("`{name}` is {}, it must be a list of messages", kind(value)))?;
    list.iter().enumerate().map(|(at, message)| one(message, &format!("{name}[{at}]"))).collect()
}

fn one(message: &Value, at: &str) -> Result<Turn, String> {
    let message = message.as_object().ok_or_else(|| format!("`{at}` is {}, it must be a message", kind(message)))?;
    let kept = |(key, value): &(&String, &Value)| !["role", "content"].contains(&key.as_str()) && !value.is_null();
    if let Some((key, _)) = message.iter().find(kept) {
        return Err(format!("`{at}.{key}` cannot be kept: only texts with a role are learnt from"));
    }
    let role = match message.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        other => return Err(format!("`{at}.role` is {other:?}, it must be system, developer, user or assistant")),
    };
    let content = message.get("content").unwrap_or(&Value::Null);
    let text = content.as_str().ok_or_else(|| format!("`{at}.content` is {}, it must be a text", kind(content)))?;
    Ok(Turn { role, text: text.to_owned() })
}

/// One message of the assistant's, as a list of messages or a plain text.
pub(super) fn completion(value: &Value, name: &str) -> Result<String, String> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    match messages(value, name)?.as_slice() {
        [Turn { role: Role::Assistant, text }] => Ok(text.clone()),
        [_] => Err(format!("`{name}[0].role` must be assistant")),
        turns => Err(format!("`{name}` has {} messages, it must have one", turns.len())),
    }
}

/// What was asked, as a list of messages or a plain text of the user's.
pub(super) fn prompt(value: &Value, name: &str) -> Result<Vec<Turn>, String> {
    let turns = match value.as_str() {
        Some(text) => vec![Turn::new(Role::User, text)],
        None => messages(value, name)?,
    };
    if turns.is_empty() { Err(format!("`{name}` is empty")) } else { Ok(turns) }
}

/// One message of the assistant's.
pub(super) fn said(text: &str) -> Value {
    json!([{ "role": "assistant", "content": text }])
}

/// `extra` with the form's own fields before it.
pub(super) fn with(
    extra: &Map<String, Value>,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
) -> Map<String, Value> {
    let mut line = extra.clone();
    line.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    line
}
