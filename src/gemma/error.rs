//! What can be wrong with a model folder, an adapter folder or a conversation.

use std::path::{Path, PathBuf};

/// Errors of reading, checking and writing Gemma 3 artefacts.
#[derive(Debug, thiserror::Error)]
pub enum GemmaError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path} is not valid JSON: {source}")]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("config.json: `{key}` {problem}")]
    Config { key: &'static str, problem: String },
    #[error("{path} is not a usable safetensors file: {problem}")]
    Safetensors { path: PathBuf, problem: String },
    #[error("the model in {dir} has no tensor `{name}`")]
    MissingTensor { dir: PathBuf, name: String },
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape { name: String, found: Vec<usize>, expected: Vec<usize> },
    #[error("{path} is not an adapter that can be used here: {problem}")]
    Adapter { path: PathBuf, problem: String },
    #[error("tokenizer {path}: {problem}")]
    Tokenizer { path: PathBuf, problem: String },
    #[error("cannot turn text into tokens: {0}")]
    Encode(String),
    #[error("cannot turn tokens into text: {0}")]
    Decode(String),
}

impl GemmaError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_path_buf(), source }
    }

    pub(crate) fn safetensors(path: &Path, problem: impl ToString) -> Self {
        Self::Safetensors { path: path.to_path_buf(), problem: problem.to_string() }
    }

    pub(crate) fn adapter(path: &Path, problem: impl ToString) -> Self {
        Self::Adapter { path: path.to_path_buf(), problem: problem.to_string() }
    }
}
