//! What an answer calls, and the one text that stands for it wherever answers are compared, learnt from or written by a student:
//! `{"tool_calls":[{"name":"give_item","arguments":{...}}]}`, compact, with a `"content":"..."` before it where something is said, too.
//!
//! The arguments keep the order of their keys and the spelling of their values. How each API writes calls is its own business.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::compact::{compact, object};
use crate::{Answer, Finish};

/// One call of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// A JSON object, compact.
    pub arguments: String,
}

impl Call {
    /// A call whose arguments a model wrote as a text; nothing where they are no JSON object.
    pub(crate) fn new(name: impl Into<String>, arguments: &str) -> Option<Self> {
        Some(Self { name: name.into(), arguments: object(arguments)? })
    }
}

/// An answer that calls: at least one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// What is said beside them; mostly nothing.
    pub content: String,
    pub calls: Vec<Call>,
}

/// The canonical text as it stands there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    #[serde(default)]
    content: String,
    #[serde(borrow)]
    tool_calls: Vec<WrittenCall<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCall<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: &'a RawValue,
}

impl Calls {
    /// The calls of a text that is the canonical one, white space apart; nothing where it is any other text.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if !text.trim_start().starts_with('{') {
            return None;
        }
        let Written { content, tool_calls } = serde_json::from_str(text).ok()?;
        let call = |call: WrittenCall<'_>| Call::new(call.name, call.arguments.get());
        let calls: Vec<Call> = tool_calls.into_iter().map(call).collect::<Option<_>>()?;
        (!calls.is_empty()).then_some(Self { content, calls })
    }

    /// The canonical text.
    #[must_use]
    pub fn text(&self) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        let call = |call: &Call| format!(r#"{{"name":{},"arguments":{}}}"#, quoted(&call.name), call.arguments);
        let calls: Vec<String> = self.calls.iter().map(call).collect();
        let said = match self.content.as_str() {
            "" => String::new(),
            content => format!(r#""content":{},"#, quoted(content)),
        };
        format!(r#"{{{said}"tool_calls":[{}]}}"#, calls.join(","))
    }
}

impl Answer {
    /// What it calls; nothing where it is a text.
    #[must_use]
    pub fn calls(&self) -> Option<Calls> {
        Calls::read(&self.text).filter(|_| self.finish == Finish::ToolCalls)
    }
}

impl Finish {
    /// How an answer ended that might have called, was written to its end or cut off as `self` says, and is `text`: what begins
    /// like a call and is none was cut off, too.
    #[must_use]
    pub fn of_callable(self, text: &str) -> Self {
        match self {
            Self::Length => Self::Length,
            Self::Stop | Self::ToolCalls if Calls::read(text).is_some() => Self::ToolCalls,
            Self::Stop | Self::ToolCalls if is_begun(text) => Self::Length,
            Self::Stop | Self::ToolCalls => Self::Stop,
        }
    }
}

/// Whether a text that is no call begins like one.
fn is_begun(text: &str) -> bool {
    let text = compact(text);
    text.starts_with(r#"{"tool_calls""#)
        || (text.starts_with(r#"{"content":"#) && serde_json::from_str::<IgnoredAny>(&text).is_err())
}

/// The id of a call in a student's answer, by which its result comes back: the answer's own `id` and the call's places in it.
pub(crate) fn call_id(id: &str, choice: usize, call: usize) -> String {
    format!("call_{id}_{choice}_{call}")
}
