//! The grammar of answers that may call functions: the canonical text of calls, or what the answer is otherwise.
//!
//! Calls are written without white space between their parts, as they are learnt. What is no call cannot begin like one.

use llguidance::api::{GrammarInit, TopLevelGrammar};
use serde_json::{Map, Value, json};
use wire::{Form, Function, ToolChoice, Tools};

use super::{OBJECT, WHITE_SPACE, limits};
use crate::StudentError;

/// Calls of one answer at most: a model that repeats itself comes to an end.
const CALLS_MAX: usize = 16;
/// How calls begin where nothing else may.
const BEGIN: &str = "begin: \"{\\\"tool_calls\\\":[\"\n";
/// A text of JSON, as a regular expression.
const STRING: &str = r#""([^"\\\x00-\x1f]|\\(["\\\/bfnrt]|u[0-9a-fA-F]{4}))*""#;

/// The source of the grammar of `tools`.
///
/// # Errors
/// When arguments that a client relies on, or an answer that is no call, cannot be held to their schema.
pub(super) fn grammar(tools: &Tools) -> Result<String, StudentError> {
    let (text, begin) = match (&tools.choice, &tools.otherwise) {
        // Who has to call says nothing beside it.
        (ToolChoice::Required | ToolChoice::Named(_), _) => (None, BEGIN.to_owned()),
        (ToolChoice::Auto, Form::Text) => (Some("TEXT".to_owned()), begin_alone()),
        (ToolChoice::Auto, Form::JsonObject) => (Some(answer(OBJECT)?), begin_beside_json()),
        (ToolChoice::Auto, Form::JsonSchema(schema)) => (Some(answer(schema)?), begin_beside_json()),
        (ToolChoice::Auto, Form::Calls(_)) => return Err(StudentError::Form("calls within calls".to_owned())),
    };
    let mut grammar = match text {
        Some(text) => format!("start: answer | calls\nanswer: {text}\n"),
        None => "start: calls\n".to_owned(),
    };
    let further = if tools.allows_several() { format!("(\",\" call){{0,{}}} ", CALLS_MAX - 1) } else { String::new() };
    grammar.push_str(&format!("calls: begin call {further}\"]}}\"\n{begin}"));
    let mut names = Vec::new();
    for (at, function) in tools.callable().enumerate() {
        let schema = arguments(function)?;
        let head = Value::from(format!(r#"{{"name":"{}","arguments":"#, function.name));
        names.push(format!("call_{at}"));
        grammar.push_str(&format!("call_{at}: {head} arguments_{at} \"}}\"\narguments_{at}: %json {schema}\n"));
    }
    grammar.push_str(&format!("call: {}\n", names.join(" | ")));
    Ok(grammar)
}

/// How calls begin where any other text may be the answer: one piece, so that it is told from a text in the end and not at its
/// first letter.
fn begin_alone() -> String {
    let begun = format!(r#"\s*\{{\s*("content"\s*:\s*{STRING}\s*,\s*)?"tool_calls""#);
    format!(
        r#"begin: BEGIN
BEGIN: /\{{("content":{STRING},)?"tool_calls":\[/
TEXT: /(?s:.*)/ & ~/{begun}(?s:.*)/
"#
    )
}

/// The same beside JSON: in the pieces that JSON is read in.
fn begin_beside_json() -> String {
    format!(
        r#"begin: "{{" ("\"content\"" ":" STRING ",")? "\"tool_calls\"" ":" "["
STRING: /{STRING}/
"#
    )
}

/// An answer that is JSON and no call.
fn answer(schema: &str) -> Result<String, StudentError> {
    let unkept = |why: &str| StudentError::Form(format!("the schema of the answer {why}"));
    let mut schema: Value = serde_json::from_str(schema).map_err(|error| unkept(&error.to_string()))?;
    let fields = schema.as_object_mut().ok_or_else(|| unkept("is no object"))?;
    let properties = fields.entry("properties").or_insert_with(|| json!({}));
    let properties = properties.as_object_mut().ok_or_else(|| unkept("has `properties` that are none"))?;
    if properties.contains_key("tool_calls") {
        return Err(unkept("has `tool_calls`, as answers that call"));
    }
    properties.insert("tool_calls".to_owned(), Value::Bool(false));
    fields.insert("x-guidance".to_owned(), json!({"whitespace_pattern": WHITE_SPACE}));
    Ok(format!("%json {schema}"))
}

/// The schema that the arguments of `function` are held to: its own, as far as a grammar can say it; where the client relies on
/// it, wholly.
fn arguments(function: &Function) -> Result<Value, StudentError> {
    let own = match serde_json::from_str(&function.parameters) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => Map::new(),
        Err(error) => return Err(unkept(function, &error.to_string())),
    };
    let own = of_object(own, !function.strict);
    let compiled = GrammarInit::Serialized(TopLevelGrammar::from_json_schema(own.clone())).validate(None, limits());
    match compiled.into_error() {
        None => Ok(own),
        Some(error) if function.strict => Err(unkept(function, &error)),
        Some(_) => Ok(of_object(Map::new(), true)),
    }
}

fn unkept(function: &Function, why: &str) -> StudentError {
    StudentError::Form(format!("the parameters of `{}`: {why}", function.name))
}

/// Arguments are an object, whatever else their schema says, without white space between its parts; `lenient` passes over what of it
/// no grammar can say.
fn of_object(mut fields: Map<String, Value>, lenient: bool) -> Value {
    fields.insert("type".to_owned(), "object".into());
    fields.insert("x-guidance".to_owned(), json!({"whitespace_flexible": false, "lenient": lenient}));
    Value::Object(fields)
}

#[cfg(test)]
mod tests;
