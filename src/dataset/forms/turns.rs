//! Lists under `conversations`: ShareGPT's with `from` and `value`, and self-play's with `role`, `content` and a label.

use serde_json::{Map, Value, json};
use wire::{Role, Turn};

use super::fields::{kind, messages, optional_text, take, with};
use crate::record::{Answered, Record};

pub(super) fn read_sharegpt(mut line: Map<String, Value>) -> Result<Record, String> {
    let list = take(&mut line, "conversations")?;
    let list = list.as_array().ok_or_else(|| format!("`conversations` is {}, it must be a list", kind(&list)))?;
    let system = optional_text(&mut line, "system")?.filter(|text| !text.is_empty());
    let mut turns: Vec<Turn> = system.iter().map(|text| Turn::new(Role::System, text)).collect();
    for (at, entry) in list.iter().enumerate() {
        let role = match entry.get("from").and_then(Value::as_str) {
            Some("system") => Role::System,
            Some("human" | "user") => Role::User,
            Some("gpt" | "assistant") => Role::Assistant,
            other => {
                return Err(format!("`conversations[{at}].from` is {other:?}, it must be system, human or gpt"));
            }
        };
        let text = entry.get("value").and_then(Value::as_str);
        turns.push(Turn::new(role, text.ok_or_else(|| format!("`conversations[{at}].value` must be a text"))?));
    }
    Record::of_turns(turns, line)
}

pub(super) fn write_sharegpt(record: &Record) -> Result<Map<String, Value>, String> {
    let from = |role| match role {
        Role::System => "system",
        Role::User => "human",
        Role::Assistant => "gpt",
    };
    let turns = record.turns()?;
    let list: Vec<Value> = turns.iter().map(|turn| json!({ "from": from(turn.role), "value": turn.text })).collect();
    Ok(with(&record.extra, [("conversations", json!(list))]))
}

pub(super) fn read(mut line: Map<String, Value>) -> Result<Record, String> {
    let turns = messages(&take(&mut line, "conversations")?, "conversations")?;
    let label = match line.remove("label") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(label)) => Some(label),
        Some(other) => return Err(format!("`label` is {}, it must be true or false", kind(&other))),
    };
    let record = Record::of_turns(turns, line)?;
    let text = record.one()?.to_owned();
    let answer = match label {
        None => Answered::One(text),
        Some(label) => Answered::Labelled(text, label),
    };
    Ok(Record { answer, ..record })
}

pub(super) fn write(record: &Record) -> Result<Map<String, Value>, String> {
    let label = match &record.answer {
        Answered::Labelled(_, label) => Some(("label", json!(label))),
        Answered::One(_) | Answered::Pair { .. } => None,
    };
    Ok(with(&record.extra, [("conversations", json!(record.turns()?))].into_iter().chain(label)))
}
