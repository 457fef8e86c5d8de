//! Responses: how a request speaks, and what of it a student may answer.
//!
//! What the teacher keeps is the teacher's alone: a request that continues an earlier response, belongs to a conversation
//! or fills in a stored prompt has texts that nobody here has seen.

mod calling;
pub mod continuing;
mod items;
pub(crate) mod reading;
pub(crate) mod writing;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::conversation::Conversation;
use crate::request::decoding::top_logprobs;
use crate::request::fields::{Fields, NULL, RequestError};
use crate::request::parameters::is_empty;
use crate::request::{Dialect, Head, form};
use crate::tools::{self, Spelling};
use crate::{Delivery, Form, Ineligible, Prompt, Role, Sampling, Turn};

/// Fields a student understands or may ignore.
const KNOWN_FIELDS: &[&str] = &[
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "temperature",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
/// Fields that are objects, and what of them a student understands or may ignore. A summary of its reasoning it cannot
/// give, nor warm a cache, nor say how one was met.
const KNOWN_PARTS: &[(&str, &[&str])] = &[
    ("prompt_cache_options", &["mode", "ttl"]),
    ("reasoning", &["context", "effort", "mode"]),
    ("stream_options", &["include_obfuscation"]),
    ("text", &["format", "verbosity"]),
];
/// What may be asked for on top and is never there where there are no tools, no images and no reasoning.
const INCLUDED_FOR_NOTHING: &[&str] = &[
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
];
/// What may be asked for on top, and is given.
const LOGPROBS: &str = "message.output_text.logprobs";

/// `POST /v1/responses`
#[derive(Debug)]
pub(crate) struct Responses;

/// What is asked: one text of the user's, or what was said and done so far.
enum Input<'a> {
    Text(String),
    Items(Vec<&'a RawValue>),
}

impl<'a> Input<'a> {
    fn of(fields: &Fields<'a>) -> Option<Self> {
        let raw = fields.json("input")?;
        if raw.starts_with('"') {
            serde_json::from_str(raw).ok().map(Self::Text)
        } else {
            serde_json::from_str(raw).ok().map(Self::Items)
        }
    }
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow)]
    format: Option<&'a RawValue>,
}

impl Dialect for Responses {
    fn open(&self, fields: &Fields<'_>) -> Result<Head, RequestError> {
        #[derive(Deserialize)]
        struct Stored {
            id: String,
        }
        // A stored prompt may say everything else.
        let model = fields.optional("model")?.unwrap_or_default();
        let stored: Option<Stored> = fields.optional("prompt").ok().flatten();
        let stream = fields.optional("stream")?.unwrap_or(false);
        let delivery = Delivery { stream, include_usage: false };
        Ok(Head { model, delivery, stored_prompt: stored.map(|prompt| prompt.id) })
    }

    fn refuse(&self, fields: &Fields<'_>) -> Result<(), Ineligible> {
        let refused = |name: &str| Err(Ineligible::Field(name.to_owned()));
        if let Some((unknown, _)) = fields.iter().find(|(name, value)| !honours(name, value)) {
            return refused(unknown);
        }
        for (name, known) in KNOWN_PARTS {
            let parts: BTreeMap<String, &RawValue> = fields.field(name)?.unwrap_or_default();
            let unknown = parts.iter().find(|(part, value)| value.get() != NULL && !known.contains(&part.as_str()));
            if let Some((part, _)) = unknown {
                return refused(&format!("{name}.{part}"));
            }
        }
        // Only what fills in a stored prompt may name no model.
        if fields.field::<String>("model")?.is_none() {
            return refused("model");
        }
        let included: Vec<String> = fields.field("include")?.unwrap_or_default();
        if included.iter().any(|what| what != LOGPROBS && !INCLUDED_FOR_NOTHING.contains(&what.as_str())) {
            return refused("include");
        }
        Ok(())
    }

    fn max_tokens(&self, fields: &Fields<'_>) -> Result<Option<u32>, Ineligible> {
        fields.field("max_output_tokens")
    }

    fn stop(&self, _: &Fields<'_>) -> Result<Vec<String>, Ineligible> {
        Ok(Vec::new())
    }

    fn logprobs(&self, fields: &Fields<'_>) -> Result<Option<u8>, Ineligible> {
        let included: Vec<String> = fields.field("include")?.unwrap_or_default();
        top_logprobs(fields, included.iter().any(|what| what == LOGPROBS))
    }

    fn form(&self, fields: &Fields<'_>) -> Result<Form, Ineligible> {
        #[derive(Deserialize)]
        struct Format<'a> {
            r#type: String,
            #[serde(borrow)]
            schema: Option<&'a RawValue>,
        }
        let otherwise = match self.format(fields) {
            None => Form::Text,
            Some(format) => {
                let format: Option<Format<'_>> = serde_json::from_str(format).ok();
                let form = format.and_then(|format| form(&format.r#type, format.schema));
                form.ok_or_else(|| Ineligible::Field("text.format".to_owned()))?
            }
        };
        tools::form(fields, &Spelling { nested: false, strict: true }, otherwise)
    }

    fn turns(&self, fields: &Fields<'_>) -> Result<Vec<Turn>, Ineligible> {
        let instructions: Option<String> = fields.field("instructions")?;
        let mut conversation = Conversation::default();
        if let Some(text) = instructions.filter(|text| !text.is_empty()) {
            conversation.say(Turn::new(Role::System, text));
        }
        match Input::of(fields).ok_or(Ineligible::Messages)? {
            Input::Text(text) => conversation.say(Turn::new(Role::User, text)),
            Input::Items(items) => items.into_iter().try_for_each(|item| items::add(&mut conversation, item))?,
        }
        Ok(conversation.finish())
    }

    fn said<'a>(&self, fields: &Fields<'a>) -> Box<dyn Iterator<Item = (Role, String)> + 'a> {
        let instructions: Option<String> = fields.optional("instructions").ok().flatten();
        let first = instructions.into_iter().map(|text| (Role::System, text));
        match Input::of(fields) {
            Some(Input::Text(text)) => Box::new(first.chain([(Role::User, text)])),
            Some(Input::Items(items)) => Box::new(first.chain(items.into_iter().filter_map(items::said))),
            None => Box::new(first),
        }
    }

    fn tool_names(&self, fields: &Fields<'_>) -> Vec<String> {
        #[derive(Deserialize)]
        struct Tool {
            r#type: String,
            name: Option<String>,
        }
        let tools: Vec<Tool> = fields.optional("tools").ok().flatten().unwrap_or_default();
        tools.into_iter().map(|tool| tool.name.unwrap_or(tool.r#type)).collect()
    }

    /// Plain text is what holds where nothing is said.
    fn format<'a>(&self, fields: &Fields<'a>) -> Option<&'a str> {
        #[derive(Deserialize)]
        struct Format {
            r#type: String,
        }
        let text: Text<'a> = fields.optional("text").ok().flatten()?;
        let format = text.format?.get();
        let is_plain = serde_json::from_str::<Format>(format).is_ok_and(|format| format.r#type == "text");
        (!is_plain).then_some(format)
    }

    fn schema_name(&self, format: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Format {
            name: String,
        }
        serde_json::from_str::<Format>(format).ok().map(|format| format.name)
    }
}

/// Whether a student can honour a field or ignore it, or it says what holds without it. What objects have inside is
/// looked at by itself.
fn honours(name: &str, value: &str) -> bool {
    value == NULL
        || KNOWN_FIELDS.contains(&name)
        || KNOWN_PARTS.iter().any(|(known, _)| *known == name)
        || match name {
            "include" | "parallel_tool_calls" | "tool_choice" | "tools" => true,
            "background" => value == "false",
            "context_management" => is_empty(value),
            // Of the teacher's own tools, with which a request is the teacher's; functions are not counted.
            "max_tool_calls" => value.parse::<u32>().is_ok(),
            _ => false,
        }
}

/// The body of a request that puts `prompt` to `model`. Functions that may be called stand in its texts and nowhere else. This API knows no `stop` and no `seed`.
pub(crate) fn write_request(model: &str, prompt: &Prompt) -> Vec<u8> {
    let mut body = serde_json::json!({
        "model": model, "input": prompt.turns, "max_output_tokens": prompt.max_tokens,
    });
    if let (Sampling::Random { temperature, top_p, .. }, Some(fields)) = (prompt.sampling, body.as_object_mut()) {
        fields.insert("temperature".into(), temperature.into());
        fields.insert("top_p".into(), top_p.into());
    }
    body.to_string().into_bytes()
}
