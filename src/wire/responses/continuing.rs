//! Requests that continue an earlier response (`previous_response_id`). Only who gave that response can know what it was; where it
//! was a student, the teacher is told.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::Answer;
use crate::calls::{Call, Calls, call_id};
use crate::request::Request;

/// The id of the response that `request` continues.
#[must_use]
pub fn previous(request: &Request<'_>) -> Option<String> {
    serde_json::from_str(request.json("previous_response_id")?).ok()
}

/// What was said and called once the response `id` gave `answer` to `request`: items of an input, with commas between them. Its
/// instructions are no part of that: who continues gives their own.
#[must_use]
pub fn conversation(request: &Request<'_>, id: &str, answer: &Answer) -> Option<String> {
    let said = |text: &str| json!({"role": "assistant", "content": text});
    let answered: Vec<Value> = match answer.calls() {
        Some(Calls { content, calls }) => {
            // Without the items' own ids: the teacher would look for them among its own.
            let call = |(at, call): (usize, &Call)| json!({"type": "function_call", "call_id": call_id(id, 0, at), "name": call.name, "arguments": call.arguments});
            let content = Some(content.as_str()).filter(|content| !content.is_empty());
            content.map(said).into_iter().chain(calls.iter().enumerate().map(call)).collect()
        }
        None => vec![said(&answer.text)],
    };
    let answered: Vec<String> = answered.iter().map(Value::to_string).collect();
    Some(format!("{},{}", items(request.json("input")?)?, answered.join(",")))
}

/// `body`, from which `request` was read, as a request that continues nothing: what was said before goes before its own input.
/// Every other byte is as it was.
#[must_use]
pub fn alone(request: &Request<'_>, body: &[u8], before: &str) -> Option<Vec<u8>> {
    let input = format!("[{before},{}]", items(request.json("input")?)?);
    request.with(body, &[("previous_response_id", "null"), ("input", &input)])
}

/// The items of an input; a text is one message of the user's.
fn items(input: &str) -> Option<String> {
    if input.starts_with('"') {
        return Some(format!(r#"{{"role":"user","content":{input}}}"#));
    }
    let items: Vec<&RawValue> = serde_json::from_str(input).ok()?;
    let texts: Vec<&str> = items.into_iter().map(RawValue::get).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}
