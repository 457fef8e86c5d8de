//! One generated item with everything that was decided about it, kept or not (science 1.2): a threshold can be applied again
//! without asking anybody.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::{Sampling, Turn};

/// What one filter found: `value` against `limit`, as numbers where it has any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    pub pass: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<f64>,
    /// On which side of `limit` the value must be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound: Option<Bound>,
    /// What a person would want to know: the phrase, the cell, the other item.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// A side of a limit; the limit itself passes, except where it must be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtLeast,
    AtMost,
    Over,
}

impl Bound {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtLeast => value >= limit,
            Self::AtMost => value <= limit,
            Self::Over => value > limit,
        }
    }
}

impl Check {
    /// A check without a number.
    #[must_use]
    pub fn plain(name: &str, pass: bool) -> Self {
        Self { name: name.to_owned(), pass, value: None, limit: None, bound: None, detail: None }
    }

    /// Passes while `value` is at least `limit`.
    #[must_use]
    pub fn at_least(name: &str, value: f64, limit: f64) -> Self {
        Self::bounded(name, value, limit, Bound::AtLeast)
    }

    /// Passes while `value` is at most `limit`.
    #[must_use]
    pub fn at_most(name: &str, value: f64, limit: f64) -> Self {
        Self::bounded(name, value, limit, Bound::AtMost)
    }

    fn bounded(name: &str, value: f64, limit: f64, bound: Bound) -> Self {
        let pass = bound.holds(value, limit);
        Self { value: Some(value), limit: Some(limit), bound: Some(bound), ..Self::plain(name, pass) }
    }

    /// The same value against another limit; a check without a number stays as it is.
    #[must_use]
    pub fn again(&self, limit: f64) -> Self {
        match (self.value, self.bound) {
            (Some(value), Some(bound)) => Self { pass: bound.holds(value, limit), limit: Some(limit), ..self.clone() },
            _ => self.clone(),
        }
    }

    /// Passes while `value` is more than `limit`.
    #[must_use]
    pub fn over(name: &str, value: f64, limit: f64) -> Self {
        Self::bounded(name, value, limit, Bound::Over)
    }

    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// How an answer was drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    /// 0 is greedy.
    pub temperature: f32,
    pub top_p: f32,
    pub max_tokens: u32,
}

impl Drawn {
    #[must_use]
    pub fn of(sampling: Sampling, max_tokens: u32) -> Self {
        match sampling {
            Sampling::Greedy => Self { temperature: 0.0, top_p: 1.0, max_tokens },
            Sampling::Random { temperature, top_p, .. } => Self { temperature, top_p, max_tokens },
        }
    }
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub id: String,
    /// The maker, such as `self-instruct`.
    pub pipeline: String,
    /// The call site that learns from it.
    pub site: String,
    /// The stage whose answer it is, and the round that it was made in.
    pub stage: String,
    pub round: u32,
    /// Ids of the items that it was shown.
    pub parents: Vec<String>,
    /// Who wrote it.
    pub model: String,
    pub drawn: Drawn,
    /// The journal's key of the call that it came from.
    pub prompt_hash: String,
    /// What was said, before it was read.
    pub raw_text: String,
    /// What was read from it, in the maker's own form.
    pub parsed: Value,
    /// Every filter that could be asked, in its order, also behind one that failed.
    pub checks: Vec<Check>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_rouge: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nearest_id: Option<String>,
    /// Desirable or not, or a score.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<Label>,
    pub created_at_ms: u64,
    /// The conversation to learn, its last turn the answer; empty where the item is no example by itself. A dropped item has it too.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub messages: Vec<Turn>,
}

/// What an item is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Label {
    Desirable(bool),
    Score(f64),
}

impl Item {
    /// Why it was dropped: the first check that failed.
    #[must_use]
    pub fn dropped_by(&self) -> Option<&Check> {
        self.checks.iter().find(|check| !check.pass)
    }

    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.dropped_by().is_none()
    }

    /// Adds `check`; says whether the item is still in.
    pub fn check(&mut self, check: Check) -> bool {
        let pass = check.pass;
        self.checks.push(check);
        pass
    }
}
