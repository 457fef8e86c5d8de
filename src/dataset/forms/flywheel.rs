//! NVIDIA's five-key record of a call: when, which workload, which client, the request and the response as they went over the wire.
//! Of both only the texts are kept; a request with tools or an answer that calls one is no example here.

use serde_json::{Map, Value, json};
use wire::Api;

use super::fields::{messages, take, with};
use crate::record::{Answered, Record};

/// What is written where a record does not say.
const UNKNOWN: &str = "unknown";

pub(super) fn read(mut line: Map<String, Value>) -> Result<Record, String> {
    let (request, response) = (take(&mut line, "request")?, take(&mut line, "response")?);
    let asked = messages(request.get("messages").unwrap_or(&Value::Null), "request.messages")?;
    if asked.is_empty() {
        return Err("`request.messages` is empty".to_owned());
    }
    if request.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty()) {
        return Err("`request.tools` cannot be kept: only texts are learnt from".to_owned());
    }
    let summary = Api::Chat.read(false, response.to_string().as_bytes());
    let summary = summary.ok_or("`response` is no answer of the chat API")?;
    if !summary.is_trainable() {
        return Err("`response` is no plain whole answer".to_owned());
    }
    line.extend(request.get("model").map(|model| ("model".to_owned(), model.clone())));
    Ok(Record { asked, answer: Answered::One(summary.text), extra: line })
}

pub(super) fn write(record: &Record) -> Result<Map<String, Value>, String> {
    let text = record.one()?;
    let mut extra = record.extra.clone();
    let mut known = |name: &str, or: Value| extra.remove(name).unwrap_or(or);
    let model = known("model", json!(UNKNOWN));
    let (timestamp, workload, client) =
        (known("timestamp", json!(0)), known("workload_id", json!(UNKNOWN)), known("client_id", json!(UNKNOWN)));
    let message = json!({ "role": "assistant", "content": text });
    let response = json!({
        "object": "chat.completion", "model": model,
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
    });
    let fields = [
        ("timestamp", timestamp),
        ("workload_id", workload),
        ("client_id", client),
        ("request", json!({ "model": model, "messages": record.asked })),
        ("response", response),
    ];
    Ok(with(&extra, fields))
}
