//! A student's answer as a `response`, whole or as the documented sequence of events.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::calling;
use crate::answer::Envelope;
use crate::logprobs::{entries, entries_without_bytes, pieces};
use crate::{Answer, Calls, Finish, Logprob, Usage, sse};

/// What of the request a response repeats, and what stands there when the request does not say it.
fn repeated() -> [(&'static str, Value); 18] {
    [
        ("background", json!(false)),
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("max_tool_calls", Value::Null),
        ("metadata", json!({})),
        ("parallel_tool_calls", json!(true)),
        ("prompt_cache_key", Value::Null),
        ("previous_response_id", Value::Null),
        ("reasoning", Value::Null),
        ("safety_identifier", Value::Null),
        ("store", json!(true)),
        ("temperature", Value::Null),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("top_logprobs", json!(0)),
        ("top_p", Value::Null),
        ("truncation", json!("disabled")),
        ("user", Value::Null),
    ]
}

/// A response that is being written.
struct Writer<'a> {
    envelope: &'a Envelope<'a>,
    answer: &'a Answer,
    calls: Option<Calls>,
    repeated: Map<String, Value>,
    item: String,
}

impl<'a> Writer<'a> {
    fn new(envelope: &'a Envelope<'a>, answer: &'a Answer) -> Self {
        let asked: BTreeMap<&str, &RawValue> = serde_json::from_slice(envelope.asked).unwrap_or_default();
        let said = |name: &str| {
            let value = asked.get(name).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
            value.filter(|value| !value.is_null())
        };
        let mut repeated: Map<String, Value> =
            repeated().into_iter().map(|(name, unsaid)| (name.to_owned(), said(name).unwrap_or(unsaid))).collect();
        let mut text = said("text").filter(Value::is_object).unwrap_or_else(|| json!({}));
        if let Some(text) = text.as_object_mut().filter(|text| text.get("format").is_none_or(Value::is_null)) {
            text.insert("format".to_owned(), json!({"type": "text"}));
        }
        repeated.insert("text".to_owned(), text);
        Self { envelope, answer, calls: answer.calls(), repeated, item: format!("msg_{}", envelope.id) }
    }

    /// `completed` or `incomplete`.
    fn status(&self) -> &'static str {
        match self.answer.finish {
            Finish::Length => "incomplete",
            Finish::Stop | Finish::ToolCalls => "completed",
        }
    }

    fn response(&self, status: &str, output: Value, usage: Option<Usage>) -> Value {
        let Envelope { id, created_s, model, .. } = self.envelope;
        let why = (status == "incomplete").then(|| json!({"reason": "max_output_tokens"}));
        let usage = usage.map(|Usage { prompt_tokens, completion_tokens }| {
            json!({
                "input_tokens": prompt_tokens,
                "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
                "output_tokens": completion_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": prompt_tokens + completion_tokens,
            })
        });
        let mut response = json!({
            "id": format!("resp_{id}"), "object": "response", "created_at": created_s, "status": status,
            "error": null, "incomplete_details": why, "model": model, "output": output, "usage": usage,
        });
        if let Some(fields) = response.as_object_mut() {
            fields.extend(self.repeated.clone());
        }
        response
    }

    fn message(&self, status: &str, content: Value) -> Value {
        json!({"id": self.item, "type": "message", "status": status, "role": "assistant", "content": content})
    }

    /// The response in the end.
    fn whole(&self) -> Value {
        let message = self.said().map(|_| self.message(self.status(), json!([self.part()])));
        let calls = self.calls.iter().flat_map(|calls| calling::items(self.envelope.id, calls));
        let output = message.into_iter().chain(calls).collect();
        self.response(self.status(), output, Some(self.answer.usage))
    }

    /// The text of its message, which an answer that calls mostly lacks.
    fn said(&self) -> Option<&str> {
        match &self.calls {
            Some(calls) => Some(calls.content.as_str()).filter(|content| !content.is_empty()),
            None => Some(&self.answer.text),
        }
    }

    /// The tokens of the message; those of calls are of a text that nobody sees.
    fn tokens(&self) -> Option<&[Logprob]> {
        self.answer.logprobs.as_deref().filter(|_| self.calls.is_none())
    }

    /// All that was said.
    fn part(&self) -> Value {
        part(self.said().unwrap_or_default(), entries(self.tokens().unwrap_or_default()))
    }

    /// What a stream tells of its message.
    fn message_events(&self, text: &str) -> Vec<(&'static str, Value)> {
        let (id, tokens) = (&self.item, self.tokens());
        let item = |status, content| json!({"output_index": 0, "item": self.message(status, content)});
        let part_event = |part| json!({"item_id": id, "output_index": 0, "content_index": 0, "part": part});
        let delta = |(piece, tokens)| {
            let logprobs = entries_without_bytes(tokens);
            json!({"item_id": id, "output_index": 0, "content_index": 0, "logprobs": logprobs, "delta": piece})
        };
        let said: Vec<(&str, &[Logprob])> = match tokens {
            None => text.split_inclusive(' ').map(|piece| (piece, Default::default())).collect(),
            Some(tokens) => pieces(text, tokens),
        };
        let mut events = vec![
            ("response.output_item.added", item("in_progress", json!([]))),
            ("response.content_part.added", part_event(part("", json!([])))),
        ];
        events.extend(said.into_iter().map(|piece| ("response.output_text.delta", delta(piece))));
        let logprobs = entries_without_bytes(tokens.unwrap_or_default());
        let done = json!({"item_id": id, "output_index": 0, "content_index": 0, "logprobs": logprobs, "text": text});
        events.extend([
            ("response.output_text.done", done),
            ("response.content_part.done", part_event(self.part())),
            ("response.output_item.done", item(self.status(), json!([self.part()]))),
        ]);
        events
    }
}

fn part(text: &str, logprobs: Value) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": logprobs, "text": text})
}

/// The answer as one `response` object.
pub(crate) fn write_whole(envelope: &Envelope<'_>, answer: &Answer) -> Vec<u8> {
    Writer::new(envelope, answer).whole().to_string().into_bytes()
}

/// The answer as an event stream of word-sized pieces, or of tokens where their log-probabilities are wanted; its last event has the whole response, and no `[DONE]` follows.
pub(crate) fn write_stream(envelope: &Envelope<'_>, answer: &Answer) -> Vec<u8> {
    let writer = Writer::new(envelope, answer);
    let begun = json!({"response": writer.response("in_progress", json!([]), None)});
    let mut events = vec![("response.created", begun.clone()), ("response.in_progress", begun)];
    let said = writer.said();
    events.extend(said.into_iter().flat_map(|text| writer.message_events(text)));
    let calls = writer.calls.iter();
    events.extend(calls.flat_map(|calls| calling::events(envelope.id, calls, usize::from(said.is_some()))));
    let last = if writer.status() == "completed" { "response.completed" } else { "response.incomplete" };
    events.push((last, json!({"response": writer.whole()})));
    let mut out = String::new();
    for (number, (name, mut data)) in events.into_iter().enumerate() {
        if let Some(data) = data.as_object_mut() {
            data.insert("type".to_owned(), name.into());
            data.insert("sequence_number".to_owned(), number.into());
        }
        out.push_str(&sse::named_event(name, &data.to_string()));
    }
    out.into_bytes()
}
