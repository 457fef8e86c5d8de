//! A conversation with its answer as one line of training data, in the words of OpenAI's fine-tuning of chat models:
//! `{"messages": [...], "tools": [...], "tool_choice": ..., "parallel_tool_calls": ..., "response_format": ...}`, of which only
//! the messages must be there. What an answer calls stands there as tool calls, and what came back as messages of the tool.

use std::collections::VecDeque;

use serde_json::json;

use crate::calls::Calls;
use crate::chat::calling::assistant;
use crate::chat::{Chat, messages, response_format};
use crate::conversation::result_of;
use crate::request::Dialect;
use crate::request::fields::{Fields, RequestError};
use crate::{Form, Function, Ineligible, Role, ToolChoice, Tools, Turn};

/// Why a line is none.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error(transparent)]
    Malformed(#[from] RequestError),
    #[error("no student can learn it: {0}")]
    Ineligible(#[from] Ineligible),
}

/// The texts of a line and the form of its answer.
///
/// # Errors
/// When it is none.
pub fn read(line: &str) -> Result<(Vec<Turn>, Form), LineError> {
    let fields: Fields<'_> = serde_json::from_str(line).map_err(RequestError::from)?;
    let turns = messages::turns(fields.required("messages")?)?;
    Ok((turns, Chat.form(&fields)?))
}

/// The line of a conversation whose answer, its last text, has this form.
#[must_use]
pub fn write(turns: &[Turn], form: &Form) -> String {
    let (messages, said, otherwise) = match form.tools() {
        Some(tools) => (messages_of(turns), said(tools), &tools.otherwise),
        None => (turns.iter().map(plain).collect(), Vec::new(), form),
    };
    let mut line = vec![("messages", format!("[{}]", messages.join(",")))];
    line.extend(said);
    line.extend(response_format(otherwise).map(|format| ("response_format", format)));
    let fields: Vec<String> = line.into_iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// A message of text alone.
fn plain(turn: &Turn) -> String {
    serde_json::to_string(turn).unwrap_or_default()
}

/// What a request says of functions.
fn said(tools: &Tools) -> Vec<(&'static str, String)> {
    let function = |function: &Function| {
        let Function { name, description, parameters, strict } = function;
        let (name, description) = (json!(name), json!(description));
        format!(
            r#"{{"type":"function","function":{{"name":{name},"description":{description},"parameters":{parameters},"strict":{strict}}}}}"#
        )
    };
    let functions: Vec<String> = tools.functions.iter().map(function).collect();
    let mut said = vec![("tools", format!("[{}]", functions.join(",")))];
    match &tools.choice {
        ToolChoice::Auto => {}
        ToolChoice::Required => said.push(("tool_choice", json!("required").to_string())),
        ToolChoice::Named(name) => {
            said.push(("tool_choice", json!({"type": "function", "function": {"name": name}}).to_string()));
        }
    }
    said.push(("parallel_tool_calls", tools.parallel.to_string()));
    said
}

/// Texts as messages: those that are the text of calls or of a result become such. They are read as the same texts again.
fn messages_of(turns: &[Turn]) -> Vec<String> {
    let (mut messages, mut numbered) = (Vec::new(), 0..);
    // The functions whose results may follow, with their calls' ids.
    let mut open: VecDeque<(String, String)> = VecDeque::new();
    for turn in turns {
        let calls = Calls::read(&turn.text).filter(|calls| turn.role == Role::Assistant && calls.text() == turn.text);
        let result = open.iter().enumerate().find_map(|(at, (name, _))| Some((at, result_of(name, &turn.text)?)));
        match (calls, result) {
            (Some(calls), _) => {
                let ids: Vec<String> =
                    numbered.by_ref().take(calls.calls.len()).map(|at: u32| format!("call_{at}")).collect();
                open = calls.calls.iter().map(|call| call.name.clone()).zip(ids.iter().cloned()).collect();
                messages.push(assistant(&calls, ids).to_string());
            }
            (None, Some((at, content))) if turn.role == Role::User => {
                let id = open.remove(at).map(|(_, id)| id);
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": content}).to_string());
            }
            _ => {
                open.clear();
                messages.push(plain(turn));
            }
        }
    }
    messages
}
