//! A task of the pool, in the form that Self-Instruct's seed tasks have: one JSON object a line.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::GenerateError;
use crate::run::{Refused, built_in_records, read_records};

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
const BUILT_IN: &str = include_str!("../../../seeds/tasks.jsonl");

/// The tasks of `path`, or the built-in ones, and the lines that are none.
///
/// # Errors
/// When the file cannot be read, or holds no task of either kind.
pub(super) fn load(path: Option<&Path>) -> Result<(Vec<Task>, Vec<Refused>), GenerateError> {
    let (tasks, refused) = match path {
        Some(path) => read_records(path)?,
        None => built_in_records("seeds/tasks.jsonl", BUILT_IN),
    };
    let classifications = tasks.iter().filter(|task: &&Task| task.is_classification).count();
    if classifications == 0 || classifications == tasks.len() {
        let file = path.map_or_else(|| "the built-in seed tasks".to_owned(), |path| path.display().to_string());
        let kinds = format!("{classifications} classification tasks of {}", tasks.len());
        return Err(GenerateError::Nothing(format!("{file}: {kinds}; both kinds are needed as examples")));
    }
    Ok((tasks, refused))
}
