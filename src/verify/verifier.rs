//! The verifiers that run on every student answer. A failed one sends the same request to the teacher.
//!
//! A [`Verifier`] sees the prompt and the answer and says [`Verdict`]; a site's [`Verifiers`] are asked in order,
//! the cheapest first. Whoever must ask a process or another model for a verdict does not belong here.

use regex::{Regex, RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};
use wire::{Answer, Finish, Prompt};

/// Phrases in which a model speaks of itself instead of in its role; one of them fails the answer.
const BREAKS_CHARACTER: &[&str] = &[
    r"\bas an ai\b",
    r"\blanguage model\b",
    r"\bi(?:'m| am) (?:just )?an? (?:ai|assistant|chatbot)\b",
    r"\b(?:openai|chatgpt|gpt-\d|gemma)\b",
    r"\bi cannot assist\b",
    r"\bcan(?:no|')t help with that\b",
    r"\bmy training data\b",
    r"\bknowledge cutoff\b",
    r"\bsystem prompt\b",
    r"https?://",
    r"```",
];

/// A call site's verifiers, as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifierSettings {
    /// The answer must not be longer than this.
    pub words_max: usize,
    /// Refuse phrases that break a character's role.
    pub in_character: bool,
    /// The whole answer must be one JSON value.
    pub json: bool,
    /// Every one of these regular expressions must match somewhere.
    pub must_match: Vec<String>,
    /// None of these may match, letter case ignored.
    pub must_not_match: Vec<String>,
}

impl Default for VerifierSettings {
    fn default() -> Self {
        Self { words_max: 400, in_character: true, json: false, must_match: Vec::new(), must_not_match: Vec::new() }
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
pub const NAMES: &[&str] = &["cut-off", "empty", "too-long", "not-json", "forbidden-phrase", "missing-phrase"];

/// An expression that does not compile.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` of the verifiers holds a regular expression that does not compile: {source}")]
pub struct VerifierError {
    key: &'static str,
    source: regex::Error,
}

/// A call site's verifiers, compiled.
#[derive(Debug)]
pub struct Verifiers(Vec<Box<dyn Verifier>>);

impl Verifiers {
    /// # Errors
    /// [`VerifierError`] naming the key whose expression does not compile.
    pub fn new(settings: &VerifierSettings) -> Result<Self, VerifierError> {
        let bad = |key| move |source| VerifierError { key, source };
        let mut all: Vec<Box<dyn Verifier>> = vec![Box::new(Complete), Box::new(WordsMax(settings.words_max))];
        if settings.json {
            all.push(Box::new(Json));
        }
        let own: &[&str] = if settings.in_character { BREAKS_CHARACTER } else { &[] };
        let forbidden = own.iter().copied().chain(settings.must_not_match.iter().map(String::as_str));
        let forbidden = RegexSetBuilder::new(forbidden).case_insensitive(true).build();
        all.push(Box::new(MustNotMatch(forbidden.map_err(bad("must_not_match"))?)));
        let required = settings.must_match.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>();
        all.push(Box::new(MustMatch(required.map_err(bad("must_match"))?)));
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

/// The answer came to its own end and says something.
#[derive(Debug)]
struct Complete;

impl Verifier for Complete {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        match answer.finish {
            Finish::Stop => fail_if(answer.text.trim().is_empty(), "empty"),
            Finish::Length => Verdict::Fail("cut-off"),
        }
    }
}

#[derive(Debug)]
struct WordsMax(usize);

impl Verifier for WordsMax {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        fail_if(answer.text.split_whitespace().count() > self.0, "too-long")
    }
}

/// The whole answer is one JSON value.
#[derive(Debug)]
struct Json;

impl Verifier for Json {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        fail_if(serde_json::from_str::<serde::de::IgnoredAny>(answer.text.trim()).is_err(), "not-json")
    }
}

#[derive(Debug)]
struct MustNotMatch(RegexSet);

impl Verifier for MustNotMatch {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        fail_if(self.0.is_match(answer.text.trim()), "forbidden-phrase")
    }
}

#[derive(Debug)]
struct MustMatch(Vec<Regex>);

impl Verifier for MustMatch {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        fail_if(self.0.iter().any(|pattern| !pattern.is_match(answer.text.trim())), "missing-phrase")
    }
}
