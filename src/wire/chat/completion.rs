//! What a teacher's answer said, whole or as a stream, and how a student's answer is put in the same shapes.
//!
//! Reading is for capture and audits only; the client got the teacher's bytes untouched.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::calling::{Gathered, Piece, assistant, deltas, ids};
use crate::answer::{CompletionSummary, Envelope, Spent};
use crate::logprobs::{entries, pieces};
use crate::{Answer, Finish, Logprob, Usage, UsageDetails, sse};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    model: String,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(borrow)]
    usage: Option<Reported<'a>>,
}

/// The same without what was said, which is most of it.
#[derive(Deserialize)]
struct Bill<'a> {
    #[serde(default)]
    model: String,
    #[serde(borrow)]
    usage: Option<Reported<'a>>,
}

#[derive(Deserialize)]
struct Reported<'a> {
    prompt_tokens: u32,
    completion_tokens: u32,
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens_details: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "delta")]
    message: Option<Message>,
    finish_reason: Option<String>,
    #[serde(default)]
    index: u32,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Piece>>,
    /// What calls were before they were tool calls.
    function_call: Option<serde::de::IgnoredAny>,
}

/// An answer that is being read.
#[derive(Default)]
struct Reading {
    summary: CompletionSummary,
    calls: Gathered,
    called_otherwise: bool,
}

/// Reads a whole `chat.completion` body; `None` when it is something else.
pub(crate) fn read_whole(body: &[u8]) -> Option<CompletionSummary> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let mut reading = Reading::default();
    reading.absorb(body);
    Some(reading.finish())
}

/// Reads of a whole `chat.completion` body what it took; `None` when it is something else.
pub(crate) fn read_spent(body: &[u8]) -> Option<Spent> {
    let bill: Bill<'_> = serde_json::from_slice(body).ok()?;
    let mut spent = Spent { model: bill.model, ..Spent::default() };
    if let Some(usage) = bill.usage {
        usage.add_to(&mut spent);
    }
    Some(spent)
}

impl Reported<'_> {
    fn add_to(self, spent: &mut Spent) {
        let Self { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = self;
        spent.usage = Some(Usage { prompt_tokens, completion_tokens });
        spent.details = UsageDetails::of(prompt_tokens_details, completion_tokens_details);
    }
}

/// Reads a whole event stream; `None` when an event is not a chunk or the stream was not ended by `[DONE]`.
pub(crate) fn read_stream(body: &[u8]) -> Option<CompletionSummary> {
    let mut reading = Reading::default();
    let mut reader = sse::Reader::default();
    let (mut done, mut broken) = (false, false);
    reader.push(body, |data| {
        if data == b"[DONE]" {
            done = true;
        } else if let Ok(chunk) = serde_json::from_slice::<Body<'_>>(data) {
            reading.absorb(chunk);
        } else {
            broken = true;
        }
    });
    (done && !broken && !reader.overflowed()).then(|| reading.finish())
}

impl Reading {
    fn absorb(&mut self, body: Body<'_>) {
        let summary = &mut self.summary;
        if summary.spent.model.is_empty() {
            summary.spent.model = body.model;
        }
        if let Some(usage) = body.usage {
            usage.add_to(&mut summary.spent);
        }
        for choice in body.choices.into_iter().filter(|choice| choice.index == 0) {
            summary.finish = choice.finish_reason.or_else(|| summary.finish.take());
            let Some(message) = choice.message else { continue };
            summary.text.push_str(message.content.as_deref().unwrap_or_default());
            summary.refused |= message.refusal.is_some();
            self.calls.add(message.tool_calls.unwrap_or_default());
            self.called_otherwise |= message.function_call.is_some();
        }
    }

    fn finish(mut self) -> CompletionSummary {
        let otherwise = self.called_otherwise.then_some(None);
        self.summary.call(self.calls.calls().into_iter().chain(otherwise).collect());
        self.summary
    }
}

#[derive(Serialize)]
struct OutUsage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

impl From<Usage> for OutUsage {
    fn from(usage: Usage) -> Self {
        let Usage { prompt_tokens, completion_tokens } = usage;
        Self { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
    }
}

fn choice(id: &str, index: usize, answer: &Answer) -> Value {
    let mut message = match answer.calls() {
        Some(calls) => assistant(&calls, ids(id, index)),
        None => json!({"role": "assistant", "content": answer.text}),
    };
    message["refusal"] = Value::Null;
    // The tokens of calls are those of a text that nobody sees.
    let told = answer.logprobs.as_deref().filter(|_| answer.finish != Finish::ToolCalls).map(logprobs);
    json!({"index": index, "message": message, "logprobs": told, "finish_reason": answer.finish})
}

/// A choice's `logprobs`.
fn logprobs(tokens: &[Logprob]) -> Value {
    json!({"content": entries(tokens), "refusal": null})
}

/// The answer as one `chat.completion` object.
pub(crate) fn write_whole(envelope: &Envelope<'_>, answer: &Answer) -> Vec<u8> {
    let Envelope { id, created_s, model, .. } = envelope;
    let body = json!({
        "id": format!("chatcmpl-{id}"), "object": "chat.completion", "created": created_s, "model": model,
        "choices": answer.choices().enumerate().map(|(index, answer)| choice(id, index, answer)).collect::<Value>(),
        "usage": OutUsage::from(answer.usage),
    });
    body.to_string().into_bytes()
}

/// The answer as an event stream, choice by choice, the role first, ended by `[DONE]`: of word-sized chunks, or of tokens where their log-probabilities are wanted.
pub(crate) fn write_stream(envelope: &Envelope<'_>, answer: &Answer, include_usage: bool) -> Vec<u8> {
    let mut out = String::new();
    for (index, answer) in answer.choices().enumerate() {
        let mut chunk = |delta: Value, tokens: Option<&[Logprob]>, finish: Option<Finish>| {
            let logprobs = tokens.map(logprobs);
            let choices = json!([{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}]);
            out.push_str(&sse::event(&chunk_json(envelope, choices, include_usage.then_some(None))));
        };
        let calls = answer.calls();
        let content = calls.as_ref().map_or(Some(""), |calls| Some("").filter(|_| !calls.content.is_empty()));
        chunk(json!({"role": "assistant", "content": content}), None, None);
        match (&answer.logprobs, &calls) {
            (_, Some(calls)) => {
                deltas(calls, ids(envelope.id, index)).into_iter().for_each(|delta| chunk(delta, None, None));
            }
            (None, None) => {
                answer.text.split_inclusive(' ').for_each(|piece| chunk(json!({"content": piece}), None, None))
            }
            (Some(tokens), None) => {
                let pieces = pieces(&answer.text, tokens);
                pieces.into_iter().for_each(|(piece, own)| chunk(json!({"content": piece}), Some(own), None));
            }
        }
        chunk(json!({}), None, Some(answer.finish));
    }
    if include_usage {
        let usage = Some(Some(OutUsage::from(answer.usage)));
        out.push_str(&sse::event(&chunk_json(envelope, json!([]), usage)));
    }
    out.push_str(sse::DONE);
    out.into_bytes()
}

/// `usage` is absent, null or a figure: OpenAI sends null on every chunk but the last when asked for usage.
fn chunk_json(envelope: &Envelope<'_>, choices: Value, usage: Option<Option<OutUsage>>) -> String {
    let Envelope { id, created_s, model, .. } = envelope;
    let mut chunk = json!({
        "id": format!("chatcmpl-{id}"), "object": "chat.completion.chunk", "created": created_s, "model": model, "choices": choices,
    });
    if let (Some(usage), Some(fields)) = (usage, chunk.as_object_mut()) {
        fields.insert("usage".into(), json!(usage));
    }
    chunk.to_string()
}
