//! The messages of chat completions: what of them a student may be put.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::calls::Call;
use crate::content::Content;
use crate::conversation::Conversation;
use crate::{Ineligible, Role, Turn};

/// A message that a student may be put.
#[derive(Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    content: Option<Content>,
    tool_calls: Option<Vec<ToolCall>>,
    tool_call_id: Option<String>,
    /// What calls were before they were tool calls.
    function_call: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ToolCall {
    #[serde(default)]
    id: String,
    r#type: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: String,
}

/// The texts of a conversation.
///
/// # Errors
/// [`Ineligible`] for what is no text, calls of what is no function, and results of calls that nobody made.
pub(crate) fn turns(messages: Vec<Message<'_>>) -> Result<Vec<Turn>, Ineligible> {
    let mut conversation = Conversation::default();
    for message in messages {
        add(&mut conversation, message)?;
    }
    Ok(conversation.finish())
}

fn add(conversation: &mut Conversation, message: Message<'_>) -> Result<(), Ineligible> {
    let Message { role, content, tool_calls, tool_call_id, function_call } = message;
    let calls = tool_calls.unwrap_or_default();
    let role = match &*role {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => return conversation.result(&tool_call_id.ok_or(Ineligible::Messages)?, &text(content)?),
        other => return Err(Ineligible::Content(format!("role-{other}"))),
    };
    if function_call.is_some() {
        return Err(Ineligible::Content("function-call".to_owned()));
    }
    let text = text(content)?;
    if calls.is_empty() {
        conversation.say(Turn { role, text });
        return Ok(());
    }
    if role != Role::Assistant {
        return Err(Ineligible::Messages);
    }
    if !text.is_empty() {
        conversation.say(Turn { role, text });
    }
    for ToolCall { id, r#type, function } in calls {
        let function = function.filter(|_| r#type.is_none_or(|kind| kind == "function"));
        let call = function.and_then(|Function { name, arguments }| Call::new(name, &arguments));
        conversation.call(id, call.ok_or_else(|| Ineligible::Content("tool-calls".to_owned()))?);
    }
    Ok(())
}

/// Only text parts can be put to a student.
fn text(content: Option<Content>) -> Result<String, Ineligible> {
    match content {
        None => Ok(String::new()),
        Some(Content::Text(text)) => Ok(text),
        Some(Content::Parts(parts)) => match parts.iter().find(|part| part.r#type != "text") {
            Some(other) => Err(Ineligible::Content(other.r#type.clone())),
            None => Ok(parts.into_iter().map(|part| part.text).collect()),
        },
    }
}

/// Who says a message and its text, whatever else is in it.
pub(crate) fn said(raw: &RawValue) -> Option<(Role, String)> {
    #[derive(Deserialize)]
    struct Message<'a> {
        role: Role,
        #[serde(borrow)]
        content: Option<&'a RawValue>,
    }
    let message: Message<'_> = serde_json::from_str(raw.get()).ok()?;
    Some((message.role, message.content.map(Content::text).unwrap_or_default()))
}
