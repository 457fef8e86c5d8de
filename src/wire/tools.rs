//! The functions that an answer may call: what a request says of them, and the text in which a student is shown them.
//!
//! That text is made here alone: what is learnt and what is asked begin with the same bytes.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::compact::compact;
use crate::request::fields::Fields;
use crate::{Form, Function, Ineligible, Role, ToolChoice, Tools, Turn};

/// OpenAI's limit; with more the teacher refuses the request.
const FUNCTIONS_MAX: usize = 128;
/// OpenAI's limit of a function's name.
const NAME_LENGTH_MAX: usize = 64;
/// The parameters of a function that says nothing of them: it has none.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{},"additionalProperties":false}"#;
/// Any arguments at all.
const ANY_PARAMETERS: &str = "true";
/// How a call is written, as a student is told it.
const HOW: &str = r#"To call functions, answer with nothing but {"tool_calls":[{"name":"...","arguments":{...}}]}."#;

impl Tools {
    /// The functions that may be called: of a call by name that one alone.
    pub fn callable(&self) -> impl Iterator<Item = &Function> {
        self.functions.iter().filter(|function| match &self.choice {
            ToolChoice::Auto | ToolChoice::Required => true,
            ToolChoice::Named(name) => function.name == *name,
        })
    }

    /// Whether there may be more calls than one.
    #[must_use]
    pub fn allows_several(&self) -> bool {
        self.parallel && !matches!(self.choice, ToolChoice::Named(_))
    }

    /// What a student is told.
    fn told(&self) -> String {
        let mut text = String::from("Functions, each with the schema of its arguments:\n");
        for Function { name, description, parameters, .. } in &self.functions {
            let colon = if description.is_empty() { "" } else { ": " };
            text.push_str(&format!("\n{name}{colon}{}\n{parameters}\n", description.trim()));
        }
        text.push('\n');
        text.push_str(HOW);
        match &self.choice {
            ToolChoice::Auto => {}
            ToolChoice::Required => text.push_str(" Call at least one."),
            ToolChoice::Named(name) => text.push_str(&format!(" Call {name}.")),
        }
        text
    }
}

impl Form {
    /// The functions that an answer of this form may call.
    #[must_use]
    pub fn tools(&self) -> Option<&Tools> {
        match self {
            Self::Calls(tools) => Some(tools),
            Self::Text | Self::JsonObject | Self::JsonSchema(_) => None,
        }
    }

    /// What a student sees of a conversation whose answer has this form: the functions that it may call, and what was said.
    #[must_use]
    pub fn shown(&self, turns: &[Turn]) -> Vec<Turn> {
        // First, so that conversations whose system texts differ have that beginning in common.
        let told = self.tools().map(|tools| Turn::new(Role::System, tools.told()));
        told.into_iter().chain(turns.iter().cloned()).collect()
    }
}

/// One entry of `tools`, in the words of chat completions; Responses have what is in `function` beside the `type`.
#[derive(Deserialize)]
struct Entry<'a> {
    r#type: String,
    #[serde(borrow)]
    function: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described<'a> {
    /// Read before.
    #[serde(default, rename = "type")]
    _type: Option<String>,
    name: String,
    description: Option<String>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
}

/// How an API says what may be called.
pub(crate) struct Spelling {
    /// A function is described in a field of its own, as chat completions do it, not beside its type.
    pub(crate) nested: bool,
    /// Whether the client relies on a schema of which it does not say so.
    pub(crate) strict: bool,
}

/// The form of an answer that may call functions, or be `otherwise`.
///
/// # Errors
/// [`Ineligible`] for tools that are no functions, and for what the teacher would refuse.
pub(crate) fn form(fields: &Fields<'_>, spelling: &Spelling, otherwise: Form) -> Result<Form, Ineligible> {
    let entries: Vec<&RawValue> = fields.field("tools")?.unwrap_or_default();
    let choice = fields.json("tool_choice").filter(|json| *json != "null").unwrap_or("\"auto\"");
    let parallel = fields.field("parallel_tool_calls")?.unwrap_or(true);
    // What must not be called need not be known.
    let unused = choice == "\"none\"";
    if entries.is_empty() || unused {
        return if unused || choice == "\"auto\"" { Ok(otherwise) } else { Err(refused("tool_choice")) };
    }
    let functions: Vec<Function> =
        entries.into_iter().map(|entry| function(entry, spelling)).collect::<Result<_, _>>()?;
    let names: BTreeSet<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    if names.len() < functions.len() || functions.len() > FUNCTIONS_MAX {
        return Err(refused("tools"));
    }
    let choice = tool_choice(choice, spelling).filter(|choice| match choice {
        ToolChoice::Named(name) => names.contains(name.as_str()),
        ToolChoice::Auto | ToolChoice::Required => true,
    });
    let choice = choice.ok_or_else(|| refused("tool_choice"))?;
    Ok(Form::Calls(Box::new(Tools { functions, choice, parallel, otherwise })))
}

fn refused(field: &str) -> Ineligible {
    Ineligible::Field(field.to_owned())
}

fn function(entry: &RawValue, spelling: &Spelling) -> Result<Function, Ineligible> {
    let unreadable = || refused("tools");
    let Entry { r#type, function } = serde_json::from_str(entry.get()).map_err(|_| unreadable())?;
    if r#type != "function" {
        return Err(Ineligible::Field(format!("tools.{type}")));
    }
    let described = if spelling.nested { function.ok_or_else(unreadable)? } else { entry };
    let described: Described<'_> = serde_json::from_str(described.get()).map_err(|_| unreadable())?;
    let Described { name, description, parameters, strict, .. } = described;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.chars().all(is_plain) {
        return Err(unreadable());
    }
    let parameters = match parameters.map_or("null", RawValue::get) {
        "null" => NO_PARAMETERS.to_owned(),
        ANY_PARAMETERS => ANY_PARAMETERS.to_owned(),
        schema if schema.starts_with('{') => compact(schema),
        _ => return Err(unreadable()),
    };
    let strict = strict.unwrap_or(spelling.strict);
    Ok(Function { name, description: description.unwrap_or_default(), parameters, strict })
}

fn tool_choice(json: &str, spelling: &Spelling) -> Option<ToolChoice> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    #[derive(Deserialize)]
    struct Choice<'a> {
        r#type: String,
        #[serde(borrow)]
        function: Option<&'a RawValue>,
    }
    match json {
        "\"auto\"" => return Some(ToolChoice::Auto),
        "\"required\"" => return Some(ToolChoice::Required),
        _ => {}
    }
    let Choice { r#type, function } = serde_json::from_str(json).ok()?;
    let named = if spelling.nested { function?.get() } else { json };
    let Named { name } = serde_json::from_str(named).ok().filter(|_| r#type == "function")?;
    Some(ToolChoice::Named(name))
}
