//! A request as the proxy needs to see it, whatever its API: borrowed, unknown fields kept by name, nothing rewritten.
//!
//! The client's bytes go to the teacher as they came; this view only decides. It must not refuse what
//! the teacher might accept: everything it does not understand makes the *student* ineligible, never the request invalid.

pub(crate) mod decoding;
pub(crate) mod fields;
pub(crate) mod parameters;

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::value::RawValue;

use crate::{Delivery, Form, Ineligible, Prompt, Role, Sampling, Turn};
use fields::{Fields, RequestError};

/// What each API says in its own way.
pub(crate) trait Dialect: Debug + Sync {
    /// Reads what every request has.
    fn open(&self, fields: &Fields<'_>) -> Result<Head, RequestError>;

    /// The first field that a student can neither honour nor ignore.
    ///
    /// # Errors
    /// [`Ineligible`] with its name.
    fn refuse(&self, fields: &Fields<'_>) -> Result<(), Ineligible>;

    /// The most tokens that the answer may have.
    fn max_tokens(&self, fields: &Fields<'_>) -> Result<Option<u32>, Ineligible>;

    /// Texts that end the answer.
    fn stop(&self, fields: &Fields<'_>) -> Result<Vec<String>, Ineligible>;

    /// Whether log-probabilities are asked for, and of how many tokens at each place besides the chosen one.
    fn logprobs(&self, fields: &Fields<'_>) -> Result<Option<u8>, Ineligible>;

    /// What the answer must be, and what it may call.
    ///
    /// # Errors
    /// [`Ineligible`] with the field's name for a form that is not known, and tools that are no functions.
    fn form(&self, fields: &Fields<'_>) -> Result<Form, Ineligible>;

    /// The conversation, text only.
    fn turns(&self, fields: &Fields<'_>) -> Result<Vec<Turn>, Ineligible>;

    /// Who says what, whatever else there is: what is not understood is left out.
    fn said<'a>(&self, fields: &Fields<'a>) -> Box<dyn Iterator<Item = (Role, String)> + 'a>;

    /// The names of the tools that an answer may call.
    fn tool_names(&self, fields: &Fields<'_>) -> Vec<String>;

    /// The JSON that says what form the answer must have.
    fn format<'a>(&self, fields: &Fields<'a>) -> Option<&'a str>;

    /// The name of the JSON schema in there.
    fn schema_name(&self, format: &str) -> Option<String>;
}

/// What is asked of every request.
pub(crate) struct Head {
    pub(crate) model: String,
    pub(crate) delivery: Delivery,
    pub(crate) stored_prompt: Option<String>,
}

/// A parsed body; borrows from it.
#[derive(Debug)]
pub struct Request<'a> {
    fields: Fields<'a>,
    dialect: &'static dyn Dialect,
    pub model: String,
    pub delivery: Delivery,
    pub metadata: BTreeMap<String, String>,
    /// The name of the prompt that the teacher keeps and the request fills in.
    pub stored_prompt: Option<String>,
}

/// The texts that a conversation begins with; later requests of it begin with the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// The system and developer messages before the first message of a user.
    pub system: String,
    /// The first message of a user.
    pub user: String,
}

impl<'a> Request<'a> {
    /// Reads the routing view of `body`.
    ///
    /// # Errors
    /// [`RequestError`] when the body is not JSON or lacks what every request has.
    pub(crate) fn parse(dialect: &'static dyn Dialect, body: &'a [u8]) -> Result<Self, RequestError> {
        // Once, not for every field by itself.
        let text = std::str::from_utf8(body).map_err(<serde_json::Error as serde::de::Error>::custom)?;
        let fields: Fields<'a> = serde_json::from_str(text)?;
        let Head { model, delivery, stored_prompt } = dialect.open(&fields)?;
        // Metadata of another shape is the teacher's to refuse, not ours.
        let metadata = fields.optional("metadata").ok().flatten().unwrap_or_default();
        Ok(Self { fields, dialect, model, delivery, metadata, stored_prompt })
    }

    /// What a student would be asked; where the request says nothing, with the site's own `sampling`.
    ///
    /// # Errors
    /// [`Ineligible`] when the request uses something a student cannot honour, or says it in a way that nobody understands.
    pub fn prompt(&self, default_max_tokens: u32, sampling: Sampling) -> Result<Prompt, Ineligible> {
        self.dialect.refuse(&self.fields)?;
        let max_tokens = self.dialect.max_tokens(&self.fields)?.unwrap_or(default_max_tokens);
        let (form, turns) = (self.dialect.form(&self.fields)?, self.turns()?);
        if turns.last().is_none_or(|turn| turn.role != Role::User) {
            return Err(Ineligible::LastTurn);
        }
        let stop = self.dialect.stop(&self.fields)?;
        let turns = form.shown(&turns);
        let sampling = decoding::sampling(&self.fields, sampling)?;
        let (decoding, logprobs) = (decoding::read(&self.fields)?, self.dialect.logprobs(&self.fields)?);
        let choices = decoding::choices(&self.fields)?;
        Ok(Prompt { turns, max_tokens, sampling, decoding, stop, form, logprobs, choices, within: None })
    }

    /// The conversation, text only, without the functions that may be called.
    ///
    /// # Errors
    /// [`Ineligible`] for images, audio, results of calls that nobody made and malformed messages.
    pub fn turns(&self) -> Result<Vec<Turn>, Ineligible> {
        self.dialect.turns(&self.fields)
    }

    /// Whether the exchange may be kept as far as the request says: `store` is absent, null or true.
    #[must_use]
    pub fn may_be_kept(&self) -> bool {
        self.fields.may_be_kept()
    }

    /// Who asks, as the client says it: `safety_identifier`, else `user`.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        let text = |name| self.fields.optional::<String>(name).ok().flatten().filter(|user| !user.is_empty());
        text("safety_identifier").or_else(|| text("user"))
    }

    /// What the conversation begins with. Never fails: what is not understood says nothing.
    #[must_use]
    pub fn opening(&self) -> Opening {
        let mut opening = Opening::default();
        for (role, text) in self.dialect.said(&self.fields) {
            match role {
                Role::System => {
                    let between = if opening.system.is_empty() || text.is_empty() { "" } else { "\n" };
                    opening.system.push_str(between);
                    opening.system.push_str(&text);
                }
                Role::User => {
                    opening.user = text;
                    break;
                }
                Role::Assistant => {}
            }
        }
        opening
    }

    /// The JSON of a field, as the client wrote it.
    #[must_use]
    pub fn json(&self, field: &str) -> Option<&'a str> {
        self.fields.json(field)
    }

    /// The JSON that says what form the answer must have.
    #[must_use]
    pub fn format(&self) -> Option<&'a str> {
        self.dialect.format(&self.fields)
    }

    /// The names of the tools that an answer may call.
    #[must_use]
    pub fn tool_names(&self) -> Vec<String> {
        self.dialect.tool_names(&self.fields)
    }

    /// The name of the JSON schema that the answer must have.
    #[must_use]
    pub fn schema_name(&self) -> Option<String> {
        self.dialect.schema_name(self.format()?)
    }

    /// `body`, which this was read from, with another model and every other byte as it was.
    #[must_use]
    pub fn with_model(&self, body: &[u8], model: &str) -> Option<Vec<u8>> {
        self.with(body, &[("model", &serde_json::to_string(model).ok()?)])
    }

    /// The same with the JSON of other fields, all of which it must have.
    pub(crate) fn with(&self, body: &[u8], changes: &[(&str, &str)]) -> Option<Vec<u8>> {
        let mut places = Vec::new();
        for (field, json) in changes {
            let raw = self.json(field)?;
            let at = (raw.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
            places.push((at, at + raw.len(), *json));
        }
        places.sort_unstable();
        let (mut changed, mut done) = (Vec::new(), 0);
        for (from, to, json) in places {
            changed.extend_from_slice(body.get(done..from)?);
            changed.extend_from_slice(json.as_bytes());
            done = to;
        }
        changed.extend_from_slice(body.get(done..)?);
        Some(changed)
    }
}

/// Whether a body may be kept that is no [`Request`]; one whose `store` cannot be read may not.
#[must_use]
pub fn may_be_kept(body: &[u8]) -> bool {
    serde_json::from_slice::<Fields<'_>>(body).is_ok_and(|fields| fields.may_be_kept())
}

/// The form that a format of `kind` asks for; nothing where it is none that is known. OpenAI's `strict` makes no difference: a
/// student's answer always keeps to the schema.
pub(crate) fn form(kind: &str, schema: Option<&RawValue>) -> Option<Form> {
    match (kind, schema) {
        ("text", _) => Some(Form::Text),
        ("json_object", _) => Some(Form::JsonObject),
        ("json_schema", Some(schema)) => Some(Form::JsonSchema(schema.get().to_owned())),
        _ => None,
    }
}
