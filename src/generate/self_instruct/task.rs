//! A task of the pool, in the form that Self-Instruct's seed tasks have: one JSON object a line.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::GenerateError;
use crate::facts::Refused;
use crate::records::Source;

/// One task with its worked examples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: String,
    pub name: String,
    pub instruction: String,
    pub instances: Vec<Instance>,
    pub is_classification: bool,
}

/// One worked example; `input` is empty where the task needs none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Instance {
    pub input: String,
    pub output: String,
}

/// The seed tasks that are built in: `seeds/tasks.jsonl`.
const BUILT_IN: (&str, &str) = ("seeds/tasks.jsonl", include_str!("../../../seeds/tasks.jsonl"));

/// The tasks of `path`, or the built-in ones, and the lines that are none.
///
/// # Errors
/// When the file cannot be read, or holds no task of either kind.
pub(super) fn load(path: Option<&Path>) -> Result<(Vec<Task>, Vec<Refused>), GenerateError> {
    let source = Source { path, built_in: BUILT_IN };
    let (tasks, refused) = source.records()?;
    let classifications = tasks.iter().filter(|task: &&Task| task.is_classification).count();
    if classifications == 0 || classifications == tasks.len() {
        let kinds = format!("{classifications} classification tasks of {}", tasks.len());
        return Err(GenerateError::Nothing(format!("{}: {kinds}; both kinds are needed as examples", source.name())));
    }
    Ok((tasks, refused))
}
