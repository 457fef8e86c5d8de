//! Requests with slots: a template names them in braces, each is filled from its list of words or its range of numbers.

use std::collections::BTreeMap;
use std::path::Path;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::GenerateError;
use crate::dialogue::CharacterRole;
use crate::facts::Refused;
use crate::records::Source;

const BUILT_IN: (&str, &str) =
    ("seeds/self_play/templates.jsonl", include_str!("../../../seeds/self_play/templates.jsonl"));
const SLOTS: (&str, &str) = ("seeds/self_play/slots.json", include_str!("../../../seeds/self_play/slots.json"));

/// One template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Template {
    pub(super) id: String,
    pub(super) role: CharacterRole,
    pub(super) text: String,
    #[serde(default)]
    pub(super) demands_call: bool,
}

/// What a slot may hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Slot {
    Words(Vec<String>),
    Number { min: u32, max: u32 },
}

/// Templates that can be filled.
pub(super) struct Templates {
    pub(super) all: Vec<Template>,
    slots: BTreeMap<String, Slot>,
}

impl Templates {
    /// The templates of `path` and the slots of `slots`, or the built-in ones, and the lines that are none or name a slot that there is not.
    pub(super) fn load(path: Option<&Path>, slots: Option<&Path>) -> Result<(Self, Vec<Refused>), GenerateError> {
        let source = Source { path, built_in: BUILT_IN };
        let (all, mut refused) = source.numbered::<Template>()?;
        let slots = read_slots(Source { path: slots, built_in: SLOTS })?;
        let mut good = Vec::new();
        for (line, template) in all {
            match names(&template.text).into_iter().find(|name| !slots.contains_key(*name)) {
                None => good.push(template),
                Some(name) => {
                    let known: Vec<&str> = slots.keys().map(String::as_str).collect();
                    let reason =
                        format!("template `{}` has a slot `{name}`; there are: {}", template.id, known.join(", "));
                    refused.push(Refused { file: source.name(), line, reason });
                }
            }
        }
        Ok((Self { all: good, slots }, refused))
    }

    /// `template` with every slot filled; the same slot twice holds the same.
    pub(super) fn fill(&self, template: &Template, rng: &mut ChaCha8Rng) -> String {
        let mut text = template.text.clone();
        for name in names(&template.text) {
            let value = match self.slots.get(name) {
                Some(Slot::Words(words)) => words.choose(rng).cloned().unwrap_or_default(),
                Some(Slot::Number { min, max }) => rng.random_range(*min..=*max).to_string(),
                None => continue,
            };
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        text
    }
}

/// A JSON object of slots, every one of which can be filled.
fn read_slots(source: Source<'_>) -> Result<BTreeMap<String, Slot>, GenerateError> {
    let failed = |problem: String| GenerateError::Nothing(format!("{}: {problem}", source.name()));
    let slots: BTreeMap<String, Slot> = serde_json::from_str(&source.text()?)
        .map_err(|error| failed(format!("{error}; a slot is a list of words or {{\"min\": 1, \"max\": 9}}")))?;
    for (name, slot) in &slots {
        match slot {
            Slot::Words(words) if words.is_empty() => return Err(failed(format!("slot `{name}` has no words"))),
            Slot::Number { min, max } if min > max => {
                return Err(failed(format!("slot `{name}`: min = {min} is more than max = {max}")));
            }
            Slot::Words(_) | Slot::Number { .. } => {}
        }
    }
    Ok(slots)
}

/// The slots that a text names.
fn names(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
}
