//! The verifiers that run on every student answer. A failed one sends the same request to the teacher.
//!
//! A [`Verifier`] sees the prompt and the answer and says [`Verdict`]; a site's [`Verifiers`] are asked in order,
//! the cheapest first. They lie in this file's room: `wording`, `patterns`, `structure`. Whoever must ask a process or
//! another model for a verdict does not belong here.

mod patterns;
mod structure;
mod wording;

use levels::LevelRules;
use serde::{Deserialize, Serialize};
use wire::{Answer, Prompt};

use crate::tools::ToolRules;

/// A call site's verifiers, as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifierSettings {
    /// The answer must not be shorter than this.
    pub words_min: usize,
    /// The answer must not be longer than this.
    pub words_max: usize,
    /// The answer must not have more sentences; 0 is no limit.
    pub sentences_max: usize,
    /// Refuse phrases that break a character's role.
    pub in_character: bool,
    /// Every name in the answer must stand in the prompt: no invented lore.
    pub grounded: bool,
    /// Refuse answers that repeat the user's last line: ROUGE-L above 0.7.
    pub no_echo: bool,
    /// The whole answer must be one JSON value.
    pub json: bool,
    /// Every one of these regular expressions must match somewhere.
    pub must_match: Vec<String>,
    /// None of these may match, letter case ignored.
    pub must_not_match: Vec<String>,
    /// The answer must be JSON that this JSON Schema accepts: a table, or JSON in a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// Tool calls in the answer must be right: parameters, and the context object where one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolRules>,
    /// The answer must be a playable game level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelRules>,
}

impl Default for VerifierSettings {
    fn default() -> Self {
        Self {
            words_min: 0,
            words_max: 400,
            sentences_max: 0,
            in_character: true,
            grounded: false,
            no_echo: false,
            json: false,
            must_match: Vec::new(),
            must_not_match: Vec::new(),
            schema: None,
            tools: None,
            level: None,
        }
    }
}

/// What a verifier or a judge says of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// By the name of the verifier that refused, one of [`NAMES`].
    Fail(&'static str),
}

/// A deterministic check of one answer to one prompt.
pub trait Verifier: std::fmt::Debug + Send + Sync {
    /// Says whether `answer` may be given to who asked `prompt`.
    fn check(&self, prompt: &Prompt, answer: &Answer) -> Verdict;
}

/// The name of every verifier in this member: the texts of headers and metric labels.
pub const NAMES: &[&str] = &[
    "cut-off",
    "empty",
    "too-long",
    "not-json",
    "forbidden-phrase",
    "missing-phrase",
    "too-short",
    "too-many-sentences",
    "ungrounded",
    "echo",
    "schema",
    "tool-call",
    "level",
];

/// Settings that no verifier can be made of.
#[derive(Debug, thiserror::Error)]
pub enum VerifierError {
    #[error("`{key}` of the verifiers holds a regular expression that does not compile: {source}")]
    Expression { key: &'static str, source: regex::Error },
    #[error("`schema` of the verifiers is neither a table nor a text of JSON: {0}")]
    SchemaText(serde_json::Error),
    #[error("`schema` of the verifiers is no JSON Schema: {0}")]
    Schema(String),
}

/// A call site's verifiers, compiled.
#[derive(Debug)]
pub struct Verifiers(Vec<Box<dyn Verifier>>);

impl Verifiers {
    /// # Errors
    /// [`VerifierError`] naming the key whose expression or schema does not compile.
    pub fn new(settings: &VerifierSettings) -> Result<Self, VerifierError> {
        let mut all: Vec<Box<dyn Verifier>> = vec![Box::new(wording::Complete)];
        all.push(Box::new(wording::Words { min: settings.words_min, max: settings.words_max }));
        if settings.sentences_max > 0 {
            all.push(Box::new(wording::SentencesMax(settings.sentences_max)));
        }
        if settings.json {
            all.push(Box::new(structure::Json));
        }
        all.push(Box::new(patterns::MustNotMatch::new(settings.in_character, &settings.must_not_match)?));
        all.push(Box::new(patterns::MustMatch::new(&settings.must_match)?));
        if settings.grounded {
            all.push(Box::new(wording::Grounded));
        }
        if settings.no_echo {
            all.push(Box::new(wording::NoEcho));
        }
        if let Some(rules) = &settings.tools {
            all.push(Box::new(structure::Tools(rules.clone())));
        }
        if let Some(schema) = &settings.schema {
            all.push(Box::new(structure::Schema::new(schema)?));
        }
        if let Some(rules) = settings.level {
            all.push(Box::new(structure::Level(rules)));
        }
        Ok(Self(all))
    }
}

impl Verifier for Verifiers {
    /// The first refusal, or a pass.
    fn check(&self, prompt: &Prompt, answer: &Answer) -> Verdict {
        let verdicts = self.0.iter().map(|verifier| verifier.check(prompt, answer));
        verdicts.into_iter().find(|verdict| *verdict != Verdict::Pass).unwrap_or(Verdict::Pass)
    }
}

fn fail_if(fails: bool, name: &'static str) -> Verdict {
    if fails { Verdict::Fail(name) } else { Verdict::Pass }
}
