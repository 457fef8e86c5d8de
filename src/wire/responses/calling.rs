//! Calls in a student's response: items of its output, and the events of a stream that tell of them.

use serde_json::{Value, json};

use crate::calls::{Call, Calls, call_id};

/// The items of the calls in the response `id`, as they are in the end.
pub(super) fn items<'a>(id: &'a str, calls: &'a Calls) -> impl Iterator<Item = Value> + 'a {
    calls.calls.iter().enumerate().map(move |(at, call)| item(id, at, call, "completed", &call.arguments))
}

fn item(id: &str, at: usize, call: &Call, status: &str, arguments: &str) -> Value {
    json!({
        "id": item_id(id, at), "type": "function_call", "status": status,
        "call_id": call_id(id, 0, at), "name": call.name, "arguments": arguments,
    })
}

fn item_id(id: &str, at: usize) -> String {
    format!("fc_{id}_{at}")
}

/// What a stream tells of them; the first is item `first` of the output.
pub(super) fn events(id: &str, calls: &Calls, first: usize) -> Vec<(&'static str, Value)> {
    let mut events = Vec::new();
    for (at, call) in calls.calls.iter().enumerate() {
        let (item_id, output_index) = (item_id(id, at), first + at);
        let of_item =
            |status, arguments| json!({"output_index": output_index, "item": item(id, at, call, status, arguments)});
        events.push(("response.output_item.added", of_item("in_progress", "")));
        let delta = |piece| json!({"item_id": item_id, "output_index": output_index, "delta": piece});
        let pieces = call.arguments.split_inclusive(' ');
        events.extend(pieces.map(|piece| ("response.function_call_arguments.delta", delta(piece))));
        let done = json!({
            "item_id": item_id, "output_index": output_index, "name": call.name, "arguments": call.arguments,
        });
        events.push(("response.function_call_arguments.done", done));
        events.push(("response.output_item.done", of_item("completed", &call.arguments)));
    }
    events
}
