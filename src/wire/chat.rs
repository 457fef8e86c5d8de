//! A chat request as the proxy needs to see it: borrowed, unknown fields kept by name, nothing rewritten.
//!
//! The client's bytes go to the teacher as they came; this view only decides. It must not refuse what
//! the teacher might accept: everything it does not understand makes the *student* ineligible, never the request invalid.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Delivery, Ineligible, Prompt, Role, Sampling, Turn};

/// Fields a student understands or may ignore (ecosystem: parameter rules of the teacher's family).
const KNOWN_FIELDS: &[&str] = &[
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
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
    "top_p",
    "user",
    "verbosity",
];

/// A parsed `POST /v1/chat/completions` body; borrows from the body.
#[derive(Debug)]
pub struct ChatRequest<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    pub model: String,
    pub delivery: Delivery,
    pub metadata: BTreeMap<String, String>,
}

/// The texts that a conversation begins with; later requests of it begin with the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// The system and developer messages before the first message of a user.
    pub system: String,
    /// The first message of a user.
    pub user: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Why a body is not a chat request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("the body is not a JSON object: {0}")]
    Json(#[from] serde_json::Error),
    #[error("field `{field}` {problem}")]
    Field { field: &'static str, problem: String },
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl<'a> ChatRequest<'a> {
    /// Reads the routing view of `body`.
    ///
    /// # Errors
    /// [`RequestError`] when the body is not JSON or lacks `model` or `messages`.
    pub fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        let fields: BTreeMap<String, &'a RawValue> = serde_json::from_slice(body)?;
        let model: String = required(&fields, "model")?;
        let _: Vec<&RawValue> = required(&fields, "messages")?;
        let stream = optional(&fields, "stream")?.unwrap_or(false);
        let options: Option<StreamOptions> = optional(&fields, "stream_options")?;
        // Metadata of another shape is the teacher's to refuse, not ours.
        let metadata = optional(&fields, "metadata").ok().flatten().unwrap_or_default();
        let include_usage = options.is_some_and(|options| options.include_usage);
        Ok(Self { fields, model, delivery: Delivery { stream, include_usage }, metadata })
    }

    /// What a student would be asked, with the site's own sampling.
    ///
    /// # Errors
    /// [`Ineligible`] when the request uses something a student cannot honour.
    pub fn prompt(&self, default_max_tokens: u32, sampling: Sampling) -> Result<Prompt, Ineligible> {
        let honoured =
            |name: &str, value: &RawValue| KNOWN_FIELDS.contains(&name) || changes_nothing(name, value.get());
        if let Some((unknown, _)) = self.fields.iter().find(|(name, value)| !honoured(name, value)) {
            return Err(Ineligible::Field(unknown.clone()));
        }
        self.refuse_features()?;
        let limit = |name| self.field::<u32>(name);
        let max_tokens = limit("max_completion_tokens")?.or(limit("max_tokens")?).unwrap_or(default_max_tokens);
        let turns = self.turns()?;
        if turns.last().is_none_or(|turn| turn.role != Role::User) {
            return Err(Ineligible::LastTurn);
        }
        Ok(Prompt { turns, max_tokens, sampling: self.reseeded(sampling)?, stop: self.stop()? })
    }

    /// Whether the exchange may be kept as far as the request says: `store` is absent, null or true.
    #[must_use]
    pub fn may_be_kept(&self) -> bool {
        self.fields.get("store").is_none_or(|value| says_keep(value.get()))
    }

    /// Who asks, as the client says it: `safety_identifier`, else `user`.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        let text = |name| self.field::<String>(name).ok().flatten().filter(|user| !user.is_empty());
        text("safety_identifier").or_else(|| text("user"))
    }

    /// What the conversation begins with. Never fails: what is not understood says nothing.
    #[must_use]
    pub fn opening(&self) -> Opening {
        let messages: Vec<&RawValue> = self.field("messages").ok().flatten().unwrap_or_default();
        let mut opening = Opening::default();
        for message in messages {
            match said(message) {
                Some((Role::System, text)) => {
                    let between = if opening.system.is_empty() || text.is_empty() { "" } else { "\n" };
                    opening.system.push_str(between);
                    opening.system.push_str(&text);
                }
                Some((Role::User, text)) => {
                    opening.user = text;
                    break;
                }
                Some((Role::Assistant, _)) | None => {}
            }
        }
        opening
    }

    /// The JSON of a field, as the client wrote it.
    #[must_use]
    pub fn json(&self, field: &str) -> Option<&'a str> {
        self.fields.get(field).map(|raw| raw.get())
    }

    /// The names of the tools that an answer may call.
    #[must_use]
    pub fn tool_names(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Tool {
            function: Named,
        }
        let tools: Vec<Tool> = self.field("tools").ok().flatten().unwrap_or_default();
        tools.into_iter().map(|tool| tool.function.name).collect()
    }

    /// The name of the JSON schema that the answer must have.
    #[must_use]
    pub fn schema_name(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Format {
            json_schema: Named,
        }
        self.field::<Format>("response_format").ok().flatten().map(|format| format.json_schema.name)
    }

    /// `body`, which this was read from, with another model and every other byte as it was.
    #[must_use]
    pub fn with_model(&self, body: &[u8], model: &str) -> Option<Vec<u8>> {
        let raw = self.json("model")?;
        let at = (raw.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
        let (before, after) = (body.get(..at)?, body.get(at + raw.len()..)?);
        let model = serde_json::to_vec(model).ok()?;
        Some([before, model.as_slice(), after].concat())
    }

    /// The conversation, text only.
    ///
    /// # Errors
    /// [`Ineligible`] for tool messages, images, audio and malformed messages.
    pub fn turns(&self) -> Result<Vec<Turn>, Ineligible> {
        let raw: Vec<&RawValue> = self.field("messages")?.ok_or(Ineligible::Messages)?;
        raw.into_iter().map(turn).collect()
    }

    fn refuse_features(&self) -> Result<(), Ineligible> {
        if self.field::<u32>("n")?.is_some_and(|n| n != 1) {
            return Err(Ineligible::Field("n".into()));
        }
        if self.field::<Vec<&RawValue>>("tools")?.is_some_and(|tools| !tools.is_empty()) {
            return Err(Ineligible::Field("tools".into()));
        }
        #[derive(Deserialize)]
        struct Format {
            r#type: String,
        }
        match self.field::<Format>("response_format")? {
            Some(format) if format.r#type != "text" => Err(Ineligible::Field("response_format".into())),
            _ => Ok(()),
        }
    }

    fn reseeded(&self, sampling: Sampling) -> Result<Sampling, Ineligible> {
        let asked: Option<i64> = self.field("seed")?;
        Ok(match (sampling, asked) {
            (Sampling::Random { temperature, top_p, .. }, Some(seed)) => {
                Sampling::Random { temperature, top_p, seed: Some(seed.cast_unsigned()) }
            }
            (unchanged, _) => unchanged,
        })
    }

    fn stop(&self) -> Result<Vec<String>, Ineligible> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Stop {
            Many(Vec<String>),
            One(String),
        }
        Ok(match self.field("stop")? {
            None => Vec::new(),
            Some(Stop::One(text)) => vec![text],
            Some(Stop::Many(texts)) => texts,
        })
    }

    fn field<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, Ineligible> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(raw) if raw.get() == NULL => Ok(None),
            Some(raw) => serde_json::from_str(raw.get()).map_err(|_| Ineligible::Field(name.to_owned())),
        }
    }
}

/// Whether a body may be kept that is no [`ChatRequest`]; one whose `store` cannot be read may not.
#[must_use]
pub fn may_be_kept(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Stored<'a> {
        #[serde(borrow)]
        store: Option<&'a RawValue>,
    }
    serde_json::from_slice::<Stored<'_>>(body).is_ok_and(|said| said.store.is_none_or(|value| says_keep(value.get())))
}

const NULL: &str = "null";

fn says_keep(store: &str) -> bool {
    matches!(store, NULL | "true")
}

/// Whether a field says what holds without it: clients that write out every default must not stay with the teacher for ever.
fn changes_nothing(name: &str, value: &str) -> bool {
    let is_zero = || value.parse::<f64>().is_ok_and(|number| number == 0.0);
    let is_empty =
        || matches!(value.as_bytes(), [b'[' | b'{', middle @ .., b']' | b'}'] if middle.trim_ascii().is_empty());
    let is_text = || serde_json::from_str::<[&str; 1]>(value).is_ok_and(|kinds| kinds == ["text"]);
    value == NULL
        || match name {
            "frequency_penalty" | "presence_penalty" | "top_logprobs" => is_zero(),
            "logprobs" => value == "false",
            "logit_bias" | "functions" => is_empty(),
            "modalities" => is_text(),
            // Without tools, which are refused by themselves, both say nothing.
            "parallel_tool_calls" => matches!(value, "true" | "false"),
            "function_call" => matches!(value, "\"none\"" | "\"auto\""),
            _ => false,
        }
}

/// The body of a request that puts `prompt` to `model`.
pub(crate) fn write_request(model: &str, prompt: &Prompt) -> Vec<u8> {
    let mut body = serde_json::json!({
        "model": model, "messages": prompt.turns, "max_completion_tokens": prompt.max_tokens,
    });
    if let Some(fields) = body.as_object_mut() {
        if !prompt.stop.is_empty() {
            fields.insert("stop".into(), prompt.stop.clone().into());
        }
        // Greedy is not said: reasoning teachers refuse every temperature but their own.
        if let Sampling::Random { temperature, top_p, seed } = prompt.sampling {
            fields.insert("temperature".into(), temperature.into());
            fields.insert("top_p".into(), top_p.into());
            fields.extend(seed.map(|seed| ("seed".into(), seed.cast_signed().into())));
        }
    }
    body.to_string().into_bytes()
}

fn required<'a, T: Deserialize<'a>>(
    fields: &BTreeMap<String, &'a RawValue>,
    field: &'static str,
) -> Result<T, RequestError> {
    optional(fields, field)?.ok_or_else(|| RequestError::Field { field, problem: "is missing".into() })
}

fn optional<'a, T: Deserialize<'a>>(
    fields: &BTreeMap<String, &'a RawValue>,
    field: &'static str,
) -> Result<Option<T>, RequestError> {
    let Some(raw) = fields.get(field).filter(|raw| raw.get() != NULL) else { return Ok(None) };
    serde_json::from_str(raw.get())
        .map_err(|error| RequestError::Field { field, problem: format!("has the wrong shape: {error}") })
}

/// Who says a message and its text, whatever else is in it.
fn said(raw: &RawValue) -> Option<(Role, String)> {
    #[derive(Deserialize)]
    struct Message<'a> {
        role: Role,
        #[serde(borrow)]
        content: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Part {
        #[serde(default)]
        text: String,
    }
    let message: Message<'_> = serde_json::from_str(raw.get()).ok()?;
    let Some(content) = message.content else { return Some((message.role, String::new())) };
    let text = serde_json::from_str::<String>(content.get()).or_else(|_| {
        let parts: Vec<Part> = serde_json::from_str(content.get())?;
        Ok::<_, serde_json::Error>(parts.into_iter().map(|part| part.text).collect())
    });
    Some((message.role, text.unwrap_or_default()))
}

fn turn(raw: &RawValue) -> Result<Turn, Ineligible> {
    #[derive(Deserialize)]
    struct Message<'a> {
        role: String,
        #[serde(borrow)]
        content: Option<&'a RawValue>,
        #[serde(borrow)]
        tool_calls: Option<&'a RawValue>,
    }
    let message: Message<'_> = serde_json::from_str(raw.get()).map_err(|_| Ineligible::Messages)?;
    let role = match message.role.as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => return Err(Ineligible::Content(format!("role-{other}"))),
    };
    if message.tool_calls.is_some() {
        return Err(Ineligible::Content("tool-calls".into()));
    }
    let text = message.content.map_or(Ok(String::new()), text_of)?;
    Ok(Turn { role, text })
}

/// A message's content is a string, null, or a list of parts; only text parts can be put to a student.
fn text_of(content: &RawValue) -> Result<String, Ineligible> {
    #[derive(Deserialize)]
    struct Part {
        r#type: String,
        #[serde(default)]
        text: String,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Content {
        Nothing(()),
        Text(String),
        Parts(Vec<Part>),
    }
    match serde_json::from_str(content.get()).map_err(|_| Ineligible::Messages)? {
        Content::Nothing(()) => Ok(String::new()),
        Content::Text(text) => Ok(text),
        Content::Parts(parts) => match parts.iter().find(|part| part.r#type != "text") {
            Some(other) => Err(Ineligible::Content(other.r#type.clone())),
            None => Ok(parts.into_iter().map(|part| part.text).collect()),
        },
    }
}
