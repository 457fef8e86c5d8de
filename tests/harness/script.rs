//! What a scripted teacher does with a request, step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One step of an answer.
#[derive(Clone, Debug)]
pub enum Step {
    /// These bytes, as they are.
    Send(Vec<u8>),
    /// Nothing until the test opens the gate, or the peer leaves.
    Wait(Gate),
    /// Opens the gate: the steps before are done.
    Open(Gate),
    /// Nothing until the peer leaves.
    Hang,
    /// The connection ends here, whatever was promised.
    Cut,
}

/// An answer; a connection whose script ends without a cut takes the next request.
pub type Script = Vec<Step>;

/// Opened by one side of a test, waited for or looked at by the other.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    pub fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A whole answer of known length; `status` is code and phrase.
#[must_use]
pub fn whole(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Script {
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    vec![Step::Send(bytes)]
}

/// A whole JSON answer with status 200.
#[must_use]
pub fn json(body: &str) -> Script {
    whole("200 OK", &[("content-type", "application/json")], body.as_bytes())
}

/// The head of an event stream.
#[must_use]
pub fn stream_head() -> Step {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    Step::Send(head.as_bytes().to_vec())
}

/// One chunk of a chunked body.
#[must_use]
pub fn chunk(data: &[u8]) -> Step {
    let mut bytes = format!("{:x}\r\n", data.len()).into_bytes();
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"\r\n");
    Step::Send(bytes)
}

/// The end of a chunked body.
#[must_use]
pub fn last_chunk() -> Step {
    Step::Send(b"0\r\n\r\n".to_vec())
}

/// The body of a `chat.completion` that says `text`.
#[must_use]
pub fn completion(text: &str) -> String {
    serde_json::json!({
        "id": "chatcmpl-scripted", "object": "chat.completion", "created": 1_700_000_000, "model": "scripted-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": null},
            "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    })
    .to_string()
}

/// The same with the log-probabilities of its tokens, and of another beside each.
#[must_use]
pub fn completion_with_logprobs(text: &str, logprobs: &[f64]) -> serde_json::Value {
    let token = |logprob: &f64| {
        serde_json::json!({"token": "x", "logprob": logprob, "bytes": [120], "top_logprobs": [
            {"token": "x", "logprob": logprob, "bytes": [120]}, {"token": "y", "logprob": -3.0, "bytes": [121]},
        ]})
    };
    let mut body: serde_json::Value = serde_json::from_str(&completion(text)).unwrap();
    body["choices"][0]["logprobs"] = serde_json::json!({"content": logprobs.iter().map(token).collect::<Vec<_>>()});
    body
}

/// A whole chat answer that says `text`.
#[must_use]
pub fn says(text: &str) -> Script {
    json(&completion(text))
}

/// The events of a `chat.completion.chunk` stream that says `pieces` one after the other, `[DONE]` last.
#[must_use]
pub fn events(pieces: &[&str]) -> Vec<String> {
    let event = |delta: serde_json::Value, finish: Option<&str>| {
        let chunk = serde_json::json!({
            "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "scripted-1",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}],
        });
        format!("data: {chunk}\n\n")
    };
    let mut events = vec![event(serde_json::json!({"role": "assistant", "content": ""}), None)];
    events.extend(pieces.iter().map(|piece| event(serde_json::json!({"content": piece}), None)));
    events.push(event(serde_json::json!({}), Some("stop")));
    events.push("data: [DONE]\n\n".into());
    events
}

/// A whole event stream that says `pieces`, one chunk for each event.
#[must_use]
pub fn streams(pieces: &[&str]) -> Script {
    let mut script = vec![stream_head()];
    script.extend(events(pieces).iter().map(|event| chunk(event.as_bytes())));
    script.push(last_chunk());
    script
}

/// The same, which waits for `gate` once its first piece is out.
#[must_use]
pub fn streams_past(gate: &Gate, pieces: &[&str]) -> Script {
    let mut script = streams(pieces);
    // Behind the head, the role and the piece.
    script.insert(3, Step::Wait(gate.clone()));
    script
}

/// The body of a `response` that says `text`.
#[must_use]
pub fn response(text: &str) -> String {
    response_in("completed", text).to_string()
}

fn response_in(status: &str, text: &str) -> serde_json::Value {
    let done = status == "completed";
    let output = if done { vec![response_message(status, text)] } else { vec![] };
    let usage = done.then(|| {
        serde_json::json!({"input_tokens": 5, "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0}, "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 7})
    });
    serde_json::json!({
        "id": "resp_scripted", "object": "response", "created_at": 1_700_000_000, "status": status, "background": false,
        "error": null, "incomplete_details": null, "instructions": null, "max_output_tokens": null, "model": "scripted-1",
        "output": output, "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "store": true, "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled",
        "usage": usage, "user": null, "metadata": {},
    })
}

fn response_message(status: &str, text: &str) -> serde_json::Value {
    let content = if text.is_empty() { vec![] } else { vec![response_part(text)] };
    serde_json::json!({"id": "msg_scripted", "type": "message", "status": status, "role": "assistant", "content": content})
}

fn response_part(text: &str) -> serde_json::Value {
    serde_json::json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

/// A whole response that says `text`.
#[must_use]
pub fn responds(text: &str) -> Script {
    json(&response(text))
}

/// The events of a response that says `pieces` one after the other.
#[must_use]
pub fn response_events(pieces: &[&str]) -> Vec<String> {
    let text = pieces.concat();
    let begun = response_in("in_progress", "");
    let of_item = |item| serde_json::json!({"output_index": 0, "item": item});
    let of_part = |name: &str, value: serde_json::Value| serde_json::json!({"item_id": "msg_scripted", "output_index": 0, "content_index": 0, name: value});
    let with_logprobs = |mut event: serde_json::Value| {
        event["logprobs"] = serde_json::json!([]);
        event
    };
    let mut events = vec![
        ("response.created", serde_json::json!({"response": begun})),
        ("response.in_progress", serde_json::json!({"response": begun})),
        ("response.output_item.added", of_item(response_message("in_progress", ""))),
        ("response.content_part.added", of_part("part", response_part(""))),
    ];
    let delta = |piece: &&str| ("response.output_text.delta", with_logprobs(of_part("delta", (*piece).into())));
    events.extend(pieces.iter().map(delta));
    events.extend([
        ("response.output_text.done", with_logprobs(of_part("text", text.as_str().into()))),
        ("response.content_part.done", of_part("part", response_part(&text))),
        ("response.output_item.done", of_item(response_message("completed", &text))),
        ("response.completed", serde_json::json!({"response": response_in("completed", &text)})),
    ]);
    let written = |(number, (name, mut data)): (usize, (&str, serde_json::Value))| {
        data["type"] = name.into();
        data["sequence_number"] = number.into();
        format!("event: {name}\ndata: {data}\n\n")
    };
    events.into_iter().enumerate().map(written).collect()
}

/// A whole stream of a response that says `pieces`, one chunk for each event.
#[must_use]
pub fn response_streams(pieces: &[&str]) -> Script {
    let mut script = vec![stream_head()];
    script.extend(response_events(pieces).iter().map(|event| chunk(event.as_bytes())));
    script.push(last_chunk());
    script
}
