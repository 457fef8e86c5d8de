//! What can be wrong with a model folder, an adapter folder or a conversation.

use std::path::{Path, PathBuf};

/// Errors of reading, checking and writing Gemma 3 artefacts.
#[derive(Debug, thiserror::Error)]
pub enum GemmaError {
    /// The message names what was tried and the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{path} is not valid JSON: {source}")]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("{} does not describe a model: {problem}", path.display())]
    ConfigFile { path: PathBuf, problem: String },
    #[error("config.json: `{key}` {problem}")]
    Config { key: &'static str, problem: String },
    #[error("{path} is not a usable safetensors file: {problem}")]
    Safetensors { path: PathBuf, problem: String },
    #[error("{dir} holds no .safetensors file: point `base` at a folder in Hugging Face's layout")]
    NoWeights { dir: PathBuf },
    #[error("the graph format `{found}` is not known; f32, i8b32, i8packed and i4packed are")]
    GraphFormat { found: String },
    #[error("{} is damaged: {problem}. Run `apprentice export` again", path.display())]
    Damaged { path: PathBuf, problem: String },
    #[error("the model in {dir} has no tensor `{name}`")]
    MissingTensor { dir: PathBuf, name: String },
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape { name: String, found: Vec<usize>, expected: Vec<usize> },
    #[error("{path} is not an adapter that can be used here: {problem}")]
    Adapter { path: PathBuf, problem: String },
    #[error("{} is not empty: a merged model gets a folder of its own, name another or empty it", dir.display())]
    NotEmpty { dir: PathBuf },
    #[error("tokenizer {path}: {problem}")]
    Tokenizer { path: PathBuf, problem: String },
    #[error("cannot turn text into tokens: {0}")]
    Encode(String),
    #[error("cannot turn tokens into text: {0}")]
    Decode(String),
}

impl GemmaError {
    pub(crate) fn safetensors(path: &Path, problem: impl ToString) -> Self {
        Self::Safetensors { path: path.to_path_buf(), problem: problem.to_string() }
    }

    pub(crate) fn adapter(path: &Path, problem: impl ToString) -> Self {
        Self::Adapter { path: path.to_path_buf(), problem: problem.to_string() }
    }
}
