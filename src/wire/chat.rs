//! Chat completions: how a request speaks, and what of it a student may answer.

pub(crate) mod calling;
pub(crate) mod completion;
pub(crate) mod messages;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::request::decoding::top_logprobs;
use crate::request::fields::{Fields, RequestError};
use crate::request::parameters::{is_empty, is_neutral};
use crate::request::{Dialect, Head, form};
use crate::tools::{self, Spelling};
use crate::{Decoding, Delivery, Form, Ineligible, Prompt, Role, Sampling, Turn};

/// Fields a student understands or may ignore (ecosystem: parameter rules of the teacher's family).
const KNOWN_FIELDS: &[&str] = &[
    "frequency_penalty",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "min_p",
    "model",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

/// `POST /v1/chat/completions`
#[derive(Debug)]
pub(crate) struct Chat;

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Dialect for Chat {
    fn open(&self, fields: &Fields<'_>) -> Result<Head, RequestError> {
        let model = fields.required("model")?;
        // What begins like a list is one: it was read as JSON already.
        if !fields.json("messages").is_some_and(|json| json.starts_with('[')) {
            let _: Vec<IgnoredAny> = fields.required("messages")?;
        }
        let stream = fields.optional("stream")?.unwrap_or(false);
        let options: Option<StreamOptions> = fields.optional("stream_options")?;
        let include_usage = options.is_some_and(|options| options.include_usage);
        Ok(Head { model, delivery: Delivery { stream, include_usage }, stored_prompt: None })
    }

    fn refuse(&self, fields: &Fields<'_>) -> Result<(), Ineligible> {
        let honoured = |name: &str, value: &str| KNOWN_FIELDS.contains(&name) || changes_nothing(name, value);
        if let Some((unknown, _)) = fields.iter().find(|(name, value)| !honoured(name, value)) {
            return Err(Ineligible::Field(unknown.to_owned()));
        }
        Ok(())
    }

    fn max_tokens(&self, fields: &Fields<'_>) -> Result<Option<u32>, Ineligible> {
        Ok(fields.field("max_completion_tokens")?.or(fields.field("max_tokens")?))
    }

    fn stop(&self, fields: &Fields<'_>) -> Result<Vec<String>, Ineligible> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Stop {
            Many(Vec<String>),
            One(String),
        }
        Ok(match fields.field("stop")? {
            None => Vec::new(),
            Some(Stop::One(text)) => vec![text],
            Some(Stop::Many(texts)) => texts,
        })
    }

    fn logprobs(&self, fields: &Fields<'_>) -> Result<Option<u8>, Ineligible> {
        top_logprobs(fields, fields.field("logprobs")?.unwrap_or(false))
    }

    fn form(&self, fields: &Fields<'_>) -> Result<Form, Ineligible> {
        #[derive(Deserialize)]
        struct Format<'a> {
            r#type: String,
            #[serde(borrow)]
            json_schema: Option<Schema<'a>>,
        }
        #[derive(Deserialize)]
        struct Schema<'a> {
            #[serde(borrow)]
            schema: Option<&'a RawValue>,
        }
        let otherwise = match fields.field::<Format<'_>>("response_format")? {
            None => Form::Text,
            Some(Format { r#type, json_schema }) => form(&r#type, json_schema.and_then(|format| format.schema))
                .ok_or_else(|| Ineligible::Field("response_format".into()))?,
        };
        tools::form(fields, &Spelling { nested: true, strict: false }, otherwise)
    }

    fn turns(&self, fields: &Fields<'_>) -> Result<Vec<Turn>, Ineligible> {
        let messages = fields.optional("messages").map_err(|_| Ineligible::Messages)?;
        messages::turns(messages.ok_or(Ineligible::Messages)?)
    }

    fn said<'a>(&self, fields: &Fields<'a>) -> Box<dyn Iterator<Item = (Role, String)> + 'a> {
        let messages: Vec<&'a RawValue> = fields.optional("messages").ok().flatten().unwrap_or_default();
        Box::new(messages.into_iter().filter_map(messages::said))
    }

    fn tool_names(&self, fields: &Fields<'_>) -> Vec<String> {
        #[derive(Deserialize)]
        struct Tool {
            function: Named,
        }
        let tools: Vec<Tool> = fields.optional("tools").ok().flatten().unwrap_or_default();
        tools.into_iter().map(|tool| tool.function.name).collect()
    }

    fn format<'a>(&self, fields: &Fields<'a>) -> Option<&'a str> {
        fields.json("response_format")
    }

    fn schema_name(&self, format: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Format {
            json_schema: Named,
        }
        serde_json::from_str::<Format>(format).ok().map(|format| format.json_schema.name)
    }
}

/// Whether a field says what holds without it: clients that write out every default must not stay with the teacher for ever.
fn changes_nothing(name: &str, value: &str) -> bool {
    let is_text = || serde_json::from_str::<[&str; 1]>(value).is_ok_and(|kinds| kinds == ["text"]);
    is_neutral(name, value)
        || match name {
            "functions" => is_empty(value),
            "modalities" => is_text(),
            "function_call" => matches!(value, "\"none\"" | "\"auto\""),
            _ => false,
        }
}

/// The body of a request that puts `prompt` to `model`. Functions that may be called stand in its texts and nowhere else.
pub(crate) fn write_request(model: &str, prompt: &Prompt) -> Vec<u8> {
    let mut body = serde_json::json!({
        "model": model, "messages": prompt.turns, "max_completion_tokens": prompt.max_tokens,
    });
    if let Some(fields) = body.as_object_mut() {
        if !prompt.stop.is_empty() {
            fields.insert("stop".into(), prompt.stop.clone().into());
        }
        let format = response_format(&prompt.form).and_then(|format| serde_json::from_str::<Value>(&format).ok());
        fields.extend(format.map(|format| ("response_format".into(), format)));
        // Greedy is not said: reasoning teachers refuse every temperature but their own.
        if let Sampling::Random { temperature, top_p, seed } = prompt.sampling {
            fields.insert("temperature".into(), temperature.into());
            fields.insert("top_p".into(), top_p.into());
            fields.extend(seed.map(|seed| ("seed".into(), seed.cast_signed().into())));
        }
        say_decoding(fields, prompt.decoding);
    }
    body.to_string().into_bytes()
}

/// The JSON of `response_format`; nothing where it says nothing: any text will do, or functions may be called.
pub(crate) fn response_format(form: &Form) -> Option<String> {
    match form {
        Form::Text | Form::Calls(_) => None,
        Form::JsonObject => Some(r#"{"type":"json_object"}"#.to_owned()),
        Form::JsonSchema(schema) => {
            Some(format!(r#"{{"type":"json_schema","json_schema":{{"name":"answer","schema":{schema}}}}}"#))
        }
    }
}

/// What of it says something.
fn say_decoding(fields: &mut Map<String, Value>, decoding: Decoding) {
    let none = Decoding::default();
    let mut say =
        |name: &str, said: f32, none: f32| drop((said != none).then(|| fields.insert(name.into(), said.into())));
    say("min_p", decoding.min_p, none.min_p);
    say("repetition_penalty", decoding.repetition_penalty, none.repetition_penalty);
    say("presence_penalty", decoding.presence_penalty, none.presence_penalty);
    say("frequency_penalty", decoding.frequency_penalty, none.frequency_penalty);
    if decoding.top_k != none.top_k {
        fields.insert("top_k".into(), decoding.top_k.into());
    }
}
