//! The verifiers that run on every student answer. A failed one sends the same request to the teacher.

use regex::{Regex, RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};
use wire::{Answer, Finish};

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

/// A rule that cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` of the verifiers holds a regular expression that does not compile: {source}")]
pub struct VerifierError {
    key: &'static str,
    source: regex::Error,
}

/// Compiled [`VerifierSettings`]. The default checks nothing but that there is an answer of at most no words: it refuses all.
#[derive(Debug, Default)]
pub struct Verifiers {
    words_max: usize,
    json: bool,
    must_match: Vec<Regex>,
    must_not_match: RegexSet,
}

impl Verifiers {
    /// # Errors
    /// [`VerifierError`] naming the key whose expression does not compile.
    pub fn new(rules: &VerifierSettings) -> Result<Self, VerifierError> {
        let bad = |key| move |source| VerifierError { key, source };
        let must_match = rules.must_match.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>();
        let own: &[&str] = if rules.in_character { BREAKS_CHARACTER } else { &[] };
        let forbidden = own.iter().copied().chain(rules.must_not_match.iter().map(String::as_str));
        let must_not_match = RegexSetBuilder::new(forbidden).case_insensitive(true).build();
        Ok(Self {
            words_max: rules.words_max,
            json: rules.json,
            must_match: must_match.map_err(bad("must_match"))?,
            must_not_match: must_not_match.map_err(bad("must_not_match"))?,
        })
    }

    /// The first verifier that `answer` fails, as the label used in headers and metrics; `None` when it passes all.
    #[must_use]
    pub fn failed(&self, answer: &Answer) -> Option<&'static str> {
        let text = answer.text.trim();
        if answer.finish != Finish::Stop {
            return Some("cut-off");
        }
        if text.is_empty() {
            return Some("empty");
        }
        if text.split_whitespace().count() > self.words_max {
            return Some("too-long");
        }
        if self.json && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
            return Some("not-json");
        }
        if self.must_not_match.is_match(text) {
            return Some("forbidden-phrase");
        }
        let missing = self.must_match.iter().any(|pattern| !pattern.is_match(text));
        missing.then_some("missing-phrase")
    }
}
