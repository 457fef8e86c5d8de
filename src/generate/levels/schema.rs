//! What a teacher is held to where it takes JSON schemas of the strict kind: every property required, no others permitted.

use serde_json::{Value, json};

fn object(properties: &Value) -> Value {
    let names: Vec<&String> = properties.as_object().map(|properties| properties.keys().collect()).unwrap_or_default();
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

fn integers(names: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({"type": "integer"}))).collect();
    Value::Object(properties)
}

/// A level.
#[must_use]
pub fn level() -> Value {
    object(&integers(&["name", "difficulty", "time", "width", "height", "num_wall", "num_enemies"]))
}

/// A map with its level.
#[must_use]
pub fn map() -> Value {
    let position = object(&integers(&["x", "y"]));
    let list = |items: &Value| json!({"type": "array", "items": items});
    let wall = object(&json!({"start_pos": position, "end_pos": position}));
    object(&json!({
        "level": level(), "walls": list(&wall), "small_obstacles": list(&position), "enemies": list(&position), "player_pos": position,
    }))
}
