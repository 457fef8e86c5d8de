//! Whether an answer's tool calls are right: known tools, required parameters, and the context object that comes first
//! (science 1.6). Errors make an answer invalid, warnings are only said.
//!
//! - `calls`: the four ways in which models write calls, read.

mod calls;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use calls::{ToolCall, read_calls};

/// The fields of a context object, all of them texts and none empty.
pub const CONTEXT_FIELDS: [&str; 7] =
    ["sessionId", "workspaceId", "sessionDescription", "sessionMemory", "toolContext", "primaryGoal", "subgoal"];
/// The workspace that needs no id.
const DEFAULT_WORKSPACE: &str = "default";

/// What calls are held to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ToolRules {
    /// By name.
    pub tools: BTreeMap<String, Tool>,
    /// Every call's arguments begin with a context object.
    pub context: bool,
    /// Chatter is no answer: a call there must be.
    pub demanded: bool,
    /// A tool or a parameter that is not listed is an error, not a warning.
    pub closed: bool,
}

/// One tool's parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tool {
    pub required: Vec<String>,
    pub optional: Vec<String>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolFinding {
    #[error("no tool is called")]
    NoCall,
    #[error("the answer is empty")]
    Empty,
    #[error("a call cannot be read: {0}")]
    Unreadable(String),
    #[error("`{tool}`: the context object is missing or not the first argument")]
    NoContext { tool: String },
    #[error("`{tool}`: the context lacks `{field}`")]
    ContextField { tool: String, field: &'static str },
    #[error("`{tool}`: `{field}` = \"{value}\" is not of the form of such ids")]
    IdForm { tool: String, field: &'static str, value: String },
    #[error("`{tool}`: `{field}` = \"{value}\" is not the one that the prompt gives, \"{given}\"")]
    WrongId { tool: String, field: &'static str, value: String, given: String },
    #[error("`{tool}`: the parameter `{parameter}` is missing")]
    Missing { tool: String, parameter: String },
    #[error("`{tool}` is no tool that there is")]
    UnknownTool { tool: String },
    #[error("`{tool}`: there is no parameter `{parameter}`")]
    Unexpected { tool: String, parameter: String },
}

impl ToolRules {
    /// Unknown tools and parameters are warnings unless the list is closed: tools are added more often than lists of them.
    #[must_use]
    pub fn is_error(&self, finding: &ToolFinding) -> bool {
        self.closed || !matches!(finding, ToolFinding::UnknownTool { .. } | ToolFinding::Unexpected { .. })
    }

    /// Everything that is wrong with `answer` to a conversation whose system text is `system`.
    #[must_use]
    pub fn check(&self, system: &str, answer: &str) -> Vec<ToolFinding> {
        if answer.trim().is_empty() {
            return vec![ToolFinding::Empty];
        }
        let calls = match read_calls(answer) {
            Ok(calls) => calls,
            Err(problem) => return vec![ToolFinding::Unreadable(problem)],
        };
        if calls.is_empty() {
            return if self.demanded { vec![ToolFinding::NoCall] } else { Vec::new() };
        }
        calls.iter().flat_map(|call| self.check_call(system, call)).collect()
    }

    fn check_call(&self, system: &str, call: &ToolCall) -> Vec<ToolFinding> {
        let tool = &call.name;
        let mut findings = if self.context { context(system, call) } else { Vec::new() };
        let Some(known) = self.tools.get(tool) else {
            findings.push(ToolFinding::UnknownTool { tool: tool.clone() });
            return findings;
        };
        let missing = known.required.iter().filter(|name| !call.arguments.contains_key(*name));
        findings.extend(missing.map(|name| ToolFinding::Missing { tool: tool.clone(), parameter: name.clone() }));
        let is_known = |name: &String| {
            known.required.contains(name) || known.optional.contains(name) || (self.context && name == "context")
        };
        let unexpected = call.arguments.keys().filter(|name| !is_known(name));
        findings.extend(unexpected.map(|name| ToolFinding::Unexpected { tool: tool.clone(), parameter: name.clone() }));
        findings
    }
}

/// The rules of the context object.
fn context(system: &str, call: &ToolCall) -> Vec<ToolFinding> {
    let tool = call.name.clone();
    let context = call.arguments.get("context").and_then(Value::as_object);
    let Some(context) = context.filter(|_| call.first.as_deref() == Some("context")) else {
        return vec![ToolFinding::NoContext { tool }];
    };
    let lacks = |field: &&str| context.get(*field).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
    let mut findings: Vec<ToolFinding> = CONTEXT_FIELDS
        .into_iter()
        .filter(lacks)
        .map(|field| ToolFinding::ContextField { tool: tool.clone(), field })
        .collect();
    findings.extend(id(system, &tool, context, "sessionId", session_id()));
    if text(context, "workspaceId") != Some(DEFAULT_WORKSPACE) {
        findings.extend(id(system, &tool, context, "workspaceId", workspace_id()));
    }
    findings
}

fn text<'a>(context: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    context.get(field).and_then(Value::as_str)
}

/// An id must have its form, and be the one that the system text gives, if it gives one of that form.
fn id(
    system: &str,
    tool: &str,
    context: &Map<String, Value>,
    field: &'static str,
    form: Option<&Regex>,
) -> Option<ToolFinding> {
    let (form, value) = (form?, text(context, field)?.to_owned());
    // All texts of the form are of one length: one that begins at the first byte and is the whole is the only one.
    if form.find(&value).is_none_or(|found| found.as_str() != value) {
        return Some(ToolFinding::IdForm { tool: tool.to_owned(), field, value });
    }
    let given = form.find(system)?.as_str().to_owned();
    (given != value).then(|| ToolFinding::WrongId { tool: tool.to_owned(), field, value, given })
}

/// The form of a session's id; compiled once, since every answer is checked.
fn session_id() -> Option<&'static Regex> {
    static FORM: OnceLock<Option<Regex>> = OnceLock::new();
    FORM.get_or_init(|| Regex::new(r"session_\d{13}_[a-z0-9]{9}").ok()).as_ref()
}

fn workspace_id() -> Option<&'static Regex> {
    static FORM: OnceLock<Option<Regex>> = OnceLock::new();
    FORM.get_or_init(|| Regex::new(r"ws_\d{13}_[a-z0-9]{9}").ok()).as_ref()
}
