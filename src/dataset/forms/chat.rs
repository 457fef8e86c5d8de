//! OpenAI's fine-tuning lines: conversations, and preferences.

use serde_json::{Map, Value, json};
use wire::line;

use super::fields::{completion, messages, said, take, with};
use crate::record::{Answered, Record};

/// What `wire::line` reads of a line with functions that may be called.
const OF_CALLS: [&str; 5] = ["messages", "parallel_tool_calls", "response_format", "tool_choice", "tools"];

pub(super) fn read(mut line: Map<String, Value>) -> Result<Record, String> {
    let tools = line.get("tools").and_then(Value::as_array);
    if tools.is_some_and(|tools| !tools.is_empty()) {
        // A record is texts as a student sees them.
        let (turns, form) = line::read(&Value::Object(line.clone()).to_string()).map_err(|error| error.to_string())?;
        line.retain(|name, _| !OF_CALLS.contains(&name.as_str()));
        return Record::of_turns(form.shown(&turns), line);
    }
    let turns = messages(&take(&mut line, "messages")?, "messages")?;
    Record::of_turns(turns, line)
}

pub(super) fn write(record: &Record) -> Result<Map<String, Value>, String> {
    Ok(with(&record.extra, [("messages", json!(record.turns()?))]))
}

pub(super) fn read_preference(mut line: Map<String, Value>) -> Result<Record, String> {
    let input = take(&mut line, "input")?;
    let asked = messages(input.get("messages").unwrap_or(&Value::Null), "input.messages")?;
    if asked.is_empty() {
        return Err("`input.messages` is empty".to_owned());
    }
    let tools = input.get("tools").and_then(Value::as_array);
    if tools.is_some_and(|tools| !tools.is_empty()) {
        return Err("`input.tools` cannot be kept: only texts are learnt from".to_owned());
    }
    let chosen = completion(&take(&mut line, "preferred_output")?, "preferred_output")?;
    let rejected = completion(&take(&mut line, "non_preferred_output")?, "non_preferred_output")?;
    Ok(Record { asked, answer: Answered::Pair { chosen, rejected }, extra: line })
}

pub(super) fn write_preference(record: &Record) -> Result<Map<String, Value>, String> {
    let Answered::Pair { chosen, rejected } = &record.answer else {
        return Err("`non_preferred_output` is not known: there is one answer".to_owned());
    };
    let input = json!({ "messages": record.asked, "tools": [], "parallel_tool_calls": true });
    let fields = [("input", input), ("preferred_output", said(chosen)), ("non_preferred_output", said(rejected))];
    Ok(with(&record.extra, fields))
}
