//! Tool calls as models write them: `tool_call: name` with `arguments: {...}`, `[TOOL_CALLS] [...]`, OpenAI's
//! `tool_calls`, and `<tool_call>{...}</tool_call>`. A text without any is chatter, not an error.

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    pub name: String,
    pub arguments: Map<String, Value>,
    /// The first key of the arguments as they were written.
    pub first: Option<String>,
}

/// A call as it stands in JSON; the arguments stay as they were written, because the order of their keys counts.
#[derive(Deserialize)]
struct Written<'a> {
    name: Option<String>,
    #[serde(borrow, alias = "parameters")]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    function: Option<&'a RawValue>,
}

/// OpenAI's message.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
}

/// The calls of `text`, in order.
///
/// # Errors
/// What is wrong with the first call that is begun and cannot be read.
pub fn read_calls(text: &str) -> Result<Vec<ToolCall>, String> {
    let text = text.trim();
    // Before all else: what the arguments say is no other way of writing.
    if text.starts_with('{')
        && let Some(list) = serde_json::from_str::<Message<'_>>(text).ok().and_then(|message| message.tool_calls)
    {
        return listed(list.get());
    }
    if let Some((_, list)) = text.split_once("[TOOL_CALLS]") {
        return listed(leading_value(list)?);
    }
    if text.contains("<tool_call>") {
        let blocks = text.split("<tool_call>").skip(1).map(|block| block.split("</tool_call>").next().unwrap_or(block));
        return blocks.map(|block| one(leading_value(block)?)).collect();
    }
    if text.lines().any(|line| named(line).is_some()) {
        return lines(text);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(list) if crate::fields::is_tool_calls(&list) => listed(text),
        _ => Ok(Vec::new()),
    }
}

fn named(line: &str) -> Option<&str> {
    line.trim().strip_prefix("tool_call:").map(str::trim)
}

/// `tool_call: name` lines, each with `arguments: {...}` behind it.
fn lines(text: &str) -> Result<Vec<ToolCall>, String> {
    let mut calls = Vec::new();
    for block in text.split("tool_call:").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap_or((block, ""));
        let name = name.trim();
        let (_, arguments) =
            rest.split_once("arguments:").ok_or_else(|| format!("`{name}` has no `arguments:` line"))?;
        calls.push(call(name, leading_value(arguments)?)?);
    }
    Ok(calls)
}

/// Calls as a list of objects: `{name, arguments}`, or OpenAI's `{function: {name, arguments}}`.
fn listed(list: &str) -> Result<Vec<ToolCall>, String> {
    let calls: Vec<&RawValue> =
        serde_json::from_str(list).map_err(|error| format!("the calls are no list: {error}"))?;
    calls.iter().map(|call| one(call.get())).collect()
}

fn one(text: &str) -> Result<ToolCall, String> {
    let written: Written<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if let Some(function) = written.function {
        return one(function.get());
    }
    let name = written.name.ok_or("a call has no name")?;
    let arguments = written.arguments.ok_or_else(|| format!("`{name}` has no arguments"))?.get();
    // OpenAI puts the arguments in a text.
    match serde_json::from_str::<String>(arguments) {
        Ok(inner) => call(&name, &inner),
        Err(_) => call(&name, arguments),
    }
}

fn call(name: &str, arguments: &str) -> Result<ToolCall, String> {
    if name.is_empty() {
        return Err("a call has no name".to_owned());
    }
    let unreadable = |error: serde_json::Error| format!("the arguments of `{name}`: {error}");
    let read: Map<String, Value> = serde_json::from_str(arguments).map_err(unreadable)?;
    Ok(ToolCall { name: name.to_owned(), arguments: read, first: first_key(arguments) })
}

/// The value that `text` begins with; what follows is not looked at.
fn leading_value(text: &str) -> Result<&str, String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(value)) => Ok(value.get()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("nothing follows".to_owned()),
    }
}

/// The first key of an object as it stands in the text: `serde_json`'s own maps are sorted.
fn first_key(object: &str) -> Option<String> {
    struct First;
    impl<'de> Visitor<'de> for First {
        type Value = Option<String>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let first = map.next_key::<String>()?;
            if first.is_some() {
                map.next_value::<IgnoredAny>()?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            }
            Ok(first)
        }
    }
    serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(object), First).ok().flatten()
}
