//! The items of an input: what of them a student may be put.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::calls::Call;
use crate::content::{Content, Part};
use crate::conversation::Conversation;
use crate::{Ineligible, Role, Turn};

/// One thing that was said or done. A message need not say that it is one.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    /// Of a call.
    #[serde(default)]
    name: Option<String>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    /// Of a call and of what came of it.
    #[serde(default)]
    call_id: Option<String>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
}

impl Item<'_> {
    fn kind(&self) -> &str {
        self.r#type.as_deref().unwrap_or("message")
    }

    fn role(&self) -> Result<Role, Ineligible> {
        match self.role.as_deref() {
            Some("system" | "developer") => Ok(Role::System),
            Some("user") => Ok(Role::User),
            Some("assistant") => Ok(Role::Assistant),
            Some(other) => Err(Ineligible::Content(format!("role-{other}"))),
            None => Err(Ineligible::Messages),
        }
    }
}

/// Adds what a student reads of an item; nothing of what the teacher thought, which is no part of what was said.
///
/// # Errors
/// [`Ineligible`] for what is no text and no call of a function, and for results of calls that nobody made.
pub(super) fn add(conversation: &mut Conversation, raw: &RawValue) -> Result<(), Ineligible> {
    let item: Item<'_> = serde_json::from_str(raw.get()).map_err(|_| Ineligible::Messages)?;
    match item.kind() {
        "message" => {
            let (role, content) = (item.role()?, item.content.ok_or(Ineligible::Messages)?);
            conversation.say(Turn { role, text: text(content)? });
            Ok(())
        }
        "reasoning" => Ok(()),
        "function_call" => {
            let (Some(id), Some(name), Some(arguments)) = (item.call_id, item.name, item.arguments) else {
                return Err(Ineligible::Messages);
            };
            let arguments: String = serde_json::from_str(arguments.get()).map_err(|_| Ineligible::Messages)?;
            let call = Call::new(name, &arguments).ok_or_else(|| Ineligible::Content("function_call".to_owned()))?;
            conversation.call(id, call);
            Ok(())
        }
        "function_call_output" => {
            let (Some(id), Some(output)) = (item.call_id, item.output) else { return Err(Ineligible::Messages) };
            conversation.result(&id, &text(output)?)
        }
        other => Err(Ineligible::Content(other.to_owned())),
    }
}

/// Only texts can be put to a student.
fn text(content: &RawValue) -> Result<String, Ineligible> {
    match serde_json::from_str(content.get()).map_err(|_| Ineligible::Messages)? {
        Content::Text(text) => Ok(text),
        Content::Parts(parts) => {
            let is_text = |part: &&Part| matches!(part.r#type.as_str(), "input_text" | "output_text");
            if let Some(other) = parts.iter().find(|part| !is_text(part)) {
                return Err(Ineligible::Content(other.r#type.clone()));
            }
            Ok(parts.into_iter().map(|part| part.text).collect())
        }
    }
}

/// Who says a message and its text, whatever else is in it.
pub(super) fn said(raw: &RawValue) -> Option<(Role, String)> {
    let item: Item<'_> = serde_json::from_str(raw.get()).ok()?;
    let role = item.role().ok().filter(|_| item.kind() == "message")?;
    Some((role, Content::text(item.content?)))
}
