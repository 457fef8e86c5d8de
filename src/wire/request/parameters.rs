//! Which parameters a teacher's model refuses: data, because every model has rules of its own.
//!
//! A request that its teacher would refuse is the teacher's to answer, with the teacher's own error: what a client hears must not depend on
//! who happens to serve its call site.

use serde::{Deserialize, Serialize};

use super::Request;
use super::fields::NULL;
use crate::Ineligible;

/// What some models refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterRule {
    /// Names of models; `*` stands for any text.
    pub models: Vec<String>,
    /// Fields of a request of whose values these models take none but those that say nothing.
    pub refuses: Vec<String>,
}

impl ParameterRule {
    /// What is wrong with it, in words.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        if self.models.is_empty() || self.models.iter().any(String::is_empty) {
            return Some("`models` must name a model".to_owned());
        }
        let unknown = self.refuses.iter().find(|name| !REFUSABLE.contains(&name.as_str()))?;
        Some(format!("`refuses` has `{unknown}` and may have {}", REFUSABLE.join(", ")))
    }
}

/// The rules of all models, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParameterRules(pub Vec<ParameterRule>);

impl ParameterRules {
    /// What `model` refuses: of all rules that name it the first holds, and a model without one takes everything.
    #[must_use]
    pub fn refused_by(&self, model: &str) -> &[String] {
        let names_it = |rule: &&ParameterRule| rule.models.iter().any(|pattern| matches(pattern, model));
        self.0.iter().find(names_it).map_or(&[], |rule| &rule.refuses)
    }

    /// Whether `model`, to which `request` is sent, takes its parameters.
    ///
    /// # Errors
    /// [`Ineligible`] with the first one's name that it refuses.
    pub fn allow(&self, model: &str, request: &Request<'_>) -> Result<(), Ineligible> {
        let said = |name: &&String| request.json(name).is_some_and(|value| !is_neutral(name, value));
        self.refused_by(model).iter().find(said).map_or(Ok(()), |name| Err(Ineligible::Field(name.clone())))
    }
}

/// What a rule may say to be refused: all else either makes no difference to a student or is the teacher's alone anyway.
const REFUSABLE: &[&str] = &[
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "min_p",
    "n",
    "presence_penalty",
    "reasoning_effort",
    "repetition_penalty",
    "seed",
    "stop",
    "temperature",
    "top_k",
    "top_logprobs",
    "top_p",
    "verbosity",
];

/// Whether a parameter's JSON says what holds without it.
pub(crate) fn is_neutral(name: &str, json: &str) -> bool {
    let is = |wanted: f64| json.parse::<f64>().is_ok_and(|number| number == wanted);
    json == NULL
        || match name {
            "n" | "repetition_penalty" | "temperature" | "top_p" => is(1.0),
            "frequency_penalty" | "min_p" | "presence_penalty" | "top_logprobs" => is(0.0),
            "top_k" => is(0.0) || is(-1.0),
            "logprobs" => json == "false",
            "logit_bias" => is_empty(json),
            _ => false,
        }
}

/// Whether this JSON is a list or an object with nothing in it.
pub(crate) fn is_empty(json: &str) -> bool {
    matches!(json.as_bytes(), [b'[' | b'{', middle @ .., b']' | b'}'] if middle.trim_ascii().is_empty())
}

/// Whether `name` is what `pattern` says, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = name.split_once(part) else { return false };
        name = after;
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests;
