//! Who speaks: a name, a place, a voice, and the facts that may be spoken of.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::CharacterRole;
use crate::GenerateError;
use crate::facts::Refused;
use crate::records::Source;

const BUILT_IN: (&str, &str) = ("seeds/personas.jsonl", include_str!("../../../seeds/personas.jsonl"));

/// A character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persona {
    pub id: String,
    pub role: CharacterRole,
    pub name: String,
    pub place: String,
    /// How the character speaks, as a sentence.
    pub voice: String,
    /// What the character knows, a sentence each.
    pub facts: Vec<String>,
}

impl Persona {
    /// The system text of a conversation with this character.
    #[must_use]
    pub fn system(&self) -> String {
        let Self { name, place, voice, facts, .. } = self;
        format!("You are {name}, {} in {place}. {voice} {}", self.role.words(), facts.join(" "))
    }
}

/// The personas of `path`, or the built-in ones, and the lines that are none.
pub(crate) fn load(path: Option<&Path>) -> Result<(Vec<Persona>, Vec<Refused>), GenerateError> {
    let source = Source { path, built_in: BUILT_IN };
    let (personas, refused) = source.records()?;
    if personas.is_empty() {
        return Err(GenerateError::Nothing(format!("{} holds no persona", source.name())));
    }
    Ok((personas, refused))
}
