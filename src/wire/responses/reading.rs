//! What a teacher's response said, whole or as a stream of named events.
//!
//! Reading is for capture and audits only; the client got the teacher's bytes untouched.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer::{Called, CompletionSummary, Spent};
use crate::{Call, Usage, UsageDetails, sse};

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default)]
    model: String,
    status: String,
    #[serde(borrow, default)]
    output: Vec<Item<'a>>,
    incomplete_details: Option<Incomplete>,
    #[serde(borrow)]
    usage: Option<Tokens<'a>>,
}

#[derive(Deserialize)]
struct Incomplete {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Tokens<'a> {
    input_tokens: u32,
    output_tokens: u32,
    #[serde(borrow)]
    input_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens_details: Option<&'a RawValue>,
}

/// The same without what was said, which is most of it.
#[derive(Deserialize)]
struct Bill<'a> {
    #[serde(default)]
    model: String,
    #[serde(borrow)]
    usage: Option<Tokens<'a>>,
}

impl Tokens<'_> {
    fn spent(tokens: Option<Self>, model: String) -> Spent {
        let Some(tokens) = tokens else { return Spent { model, ..Spent::default() } };
        Spent {
            model,
            usage: Some(Usage { prompt_tokens: tokens.input_tokens, completion_tokens: tokens.output_tokens }),
            details: UsageDetails::of(tokens.input_tokens_details, tokens.output_tokens_details),
        }
    }
}

/// Something that the model said or did. What is done has content of other shapes, which nobody reads.
#[derive(Deserialize)]
struct Item<'a> {
    r#type: String,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    /// Of a call of a function.
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

impl Item<'_> {
    /// The call of a function; nothing where it is none.
    fn call(&self) -> Option<Call> {
        let said = |field: Option<&RawValue>| serde_json::from_str::<String>(field?.get()).ok();
        Call::new(said(self.name)?, &said(self.arguments)?).filter(|_| self.r#type == "function_call")
    }
}

#[derive(Deserialize)]
struct Part {
    r#type: String,
    #[serde(default)]
    text: String,
}

/// Reads a whole `response` body; `None` when it is something else, or the model has not done with it: it failed, was
/// cancelled, or works on in the background.
pub(crate) fn read_whole(body: &[u8]) -> Option<CompletionSummary> {
    let response: Response<'_> = serde_json::from_slice(body).ok()?;
    let spent = Tokens::spent(response.usage, response.model);
    let mut summary = CompletionSummary { spent, ..CompletionSummary::default() };
    let mut calls = Vec::new();
    for item in response.output {
        match item.r#type.as_str() {
            "message" => {
                let parts: Vec<Part> = serde_json::from_str(item.content?.get()).ok()?;
                for part in parts {
                    match part.r#type.as_str() {
                        "output_text" => summary.text.push_str(&part.text),
                        "refusal" => summary.refused = true,
                        _ => return None,
                    }
                }
            }
            "reasoning" => {}
            _ => calls.push(item.call()),
        }
    }
    summary.call(calls);
    let finish = match (response.status.as_str(), response.incomplete_details.and_then(|why| why.reason)) {
        ("completed", _) if summary.called != Called::Nothing => "tool_calls".to_owned(),
        ("completed", _) => "stop".to_owned(),
        ("incomplete", Some(reason)) if reason != "max_output_tokens" => reason,
        ("incomplete", _) => "length".to_owned(),
        _ => return None,
    };
    summary.finish = Some(finish);
    Some(summary)
}

/// Reads of a whole `response` body what it took; `None` when it is something else.
pub(crate) fn read_spent(body: &[u8]) -> Option<Spent> {
    let bill: Bill<'_> = serde_json::from_slice(body).ok()?;
    Some(Tokens::spent(bill.usage, bill.model))
}

/// Reads a whole event stream, of which the last event has the whole response; `None` when an event is none of this API, or
/// the stream did not come to the response's end.
pub(crate) fn read_stream(body: &[u8]) -> Option<CompletionSummary> {
    #[derive(Deserialize)]
    struct Event<'a> {
        r#type: String,
        #[serde(borrow)]
        response: Option<&'a RawValue>,
    }
    let (mut summary, mut broken) = (None, false);
    let mut reader = sse::Reader::default();
    reader.push(body, |data| {
        // Some servers end this stream as they end the other.
        if data == b"[DONE]" {
            return;
        }
        match serde_json::from_slice::<Event<'_>>(data) {
            Ok(Event { r#type, response: Some(response) })
                if matches!(r#type.as_str(), "response.completed" | "response.incomplete") =>
            {
                summary = read_whole(response.get().as_bytes());
            }
            Ok(Event { r#type, .. }) => broken |= matches!(r#type.as_str(), "error" | "response.failed"),
            Err(_) => broken = true,
        }
    });
    summary.filter(|_| !broken && !reader.overflowed())
}
