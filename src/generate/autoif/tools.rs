//! What the maker needs besides a model: something that runs Python functions, and something that judges entailment. The program
//! brings both; nothing here starts a process or knows how a judge is made.

use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::GenerateError;

/// Work that has been begun.
pub type Working<'a, T> = Pin<Box<dyn Future<Output = Result<T, GenerateError>> + Send + 'a>>;

/// What a function said of one text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Yes,
    No,
    /// It said nothing: it raised, ran too long, returned something else.
    Failed(String),
    /// It is not written in the part of Python that can be run.
    Unsupported(String),
}

/// Runs functions `evaluate(response) -> bool` that a model wrote.
pub trait Verifiers: Send + Sync {
    /// The part of Python that is known, in words for whoever writes a function.
    fn subset(&self) -> &str;

    /// One verdict for each of `texts`, in their order, whatever `source` does.
    ///
    /// Fails only when nothing at all can be run any more.
    fn apply<'a>(&'a self, source: &'a str, texts: &'a [String]) -> Working<'a, Vec<Verdict>>;
}

/// How a hypothesis stands to its premise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    Entailment,
    Neutral,
    Contradiction,
}

/// A premise and a hypothesis.
pub type Pair = (String, String);

/// Judges natural-language inference.
pub trait Nli: Send + Sync {
    /// One relation for each of `pairs`, in their order; none where the judge's answer cannot be read.
    fn judge<'a>(&'a self, pairs: &'a [Pair]) -> Working<'a, Vec<Option<Relation>>>;
}

/// The tools of one run.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    pub verifiers: &'a dyn Verifiers,
    /// None: the teacher is asked.
    pub nli: Option<&'a dyn Nli>,
}
