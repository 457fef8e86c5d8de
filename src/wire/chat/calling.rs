//! Tool calls in the answers of chat completions: gathered from a whole one or the pieces of a stream, and written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::calls::{Call, Calls, call_id};

/// A call, or a piece of one.
#[derive(Deserialize)]
pub(crate) struct Piece {
    /// In a stream: which call.
    index: Option<u32>,
    r#type: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

/// The calls of an answer as far as it has come, by their places.
#[derive(Default)]
pub(crate) struct Gathered(BTreeMap<u32, Begun>);

#[derive(Default)]
struct Begun {
    name: String,
    arguments: String,
    is_other: bool,
}

impl Gathered {
    pub(crate) fn add(&mut self, pieces: Vec<Piece>) {
        for (place, Piece { index, r#type, function }) in (0..).zip(pieces) {
            let call = self.0.entry(index.unwrap_or(place)).or_default();
            call.is_other |= r#type.is_some_and(|kind| kind != "function");
            let Some(Function { name, arguments }) = function else { continue };
            // Some servers say the name with every piece.
            if call.name.is_empty() {
                call.name = name.unwrap_or_default();
            }
            call.arguments.push_str(&arguments.unwrap_or_default());
        }
    }

    /// The calls in their order; nothing in the place of one that is none of a function.
    pub(crate) fn calls(self) -> Vec<Option<Call>> {
        let call = |Begun { name, arguments, is_other }| {
            Call::new(name, &arguments).filter(|call| !is_other && !call.name.is_empty())
        };
        self.0.into_values().map(call).collect()
    }
}

/// The ids of the calls of choice number `choice` in the answer `id`.
pub(crate) fn ids(id: &str, choice: usize) -> impl Iterator<Item = String> {
    (0..).map(move |call| call_id(id, choice, call))
}

/// An assistant's message that calls.
pub(crate) fn assistant(calls: &Calls, ids: impl IntoIterator<Item = String>) -> Value {
    let call = |(id, call): (String, &Call)| json!({"id": id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}});
    let content = Some(calls.content.as_str()).filter(|content| !content.is_empty());
    let calls: Vec<Value> = ids.into_iter().zip(&calls.calls).map(call).collect();
    json!({"role": "assistant", "content": content, "tool_calls": calls})
}

/// What a stream says of calls, piece by piece, after the role: what is said beside them, then each call's name and its arguments.
pub(crate) fn deltas(calls: &Calls, ids: impl Iterator<Item = String>) -> Vec<Value> {
    let said = calls.content.split_inclusive(' ').map(|piece| json!({"content": piece}));
    let mut deltas: Vec<Value> = said.collect();
    for (index, (id, call)) in ids.zip(&calls.calls).enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        deltas.push(json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]}));
        let pieces = call.arguments.split_inclusive(' ');
        deltas.extend(pieces.map(|piece| json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})));
    }
    deltas
}
