//! Verifiers by regular expressions: phrases that must and must not be there.

use regex::{Regex, RegexSet, RegexSetBuilder};
use wire::{Answer, Prompt};

use super::{Verdict, Verifier, VerifierError, fail_if};

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

fn bad(key: &'static str) -> impl Fn(regex::Error) -> VerifierError {
    move |source| VerifierError::Expression { key, source }
}

#[derive(Debug)]
pub(super) struct MustNotMatch(RegexSet);

impl MustNotMatch {
    /// Refuses `patterns`, and with `in_character` phrases that break a role.
    pub(super) fn new(in_character: bool, patterns: &[String]) -> Result<Self, VerifierError> {
        let own: &[&str] = if in_character { BREAKS_CHARACTER } else { &[] };
        let forbidden = own.iter().copied().chain(patterns.iter().map(String::as_str));
        let forbidden = RegexSetBuilder::new(forbidden).case_insensitive(true).build();
        forbidden.map(Self).map_err(bad("must_not_match"))
    }
}

impl Verifier for MustNotMatch {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        fail_if(self.0.is_match(answer.text.trim()), "forbidden-phrase")
    }
}

#[derive(Debug)]
pub(super) struct MustMatch(Vec<Regex>);

impl MustMatch {
    pub(super) fn new(patterns: &[String]) -> Result<Self, VerifierError> {
        let required = patterns.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>();
        required.map(Self).map_err(bad("must_match"))
    }
}

impl Verifier for MustMatch {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        fail_if(self.0.iter().any(|pattern| !pattern.is_match(answer.text.trim())), "missing-phrase")
    }
}
