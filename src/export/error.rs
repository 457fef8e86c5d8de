//! Why an export failed.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong while a model was exported, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot read the base model: {0}")]
    Base(#[from] gemma::GemmaError),
    #[error("{name} has shape {found:?} and should have {wanted:?}: config.json and the weights disagree")]
    Shape { name: String, found: Vec<usize>, wanted: Vec<usize> },
    #[error("{name} holds a value that is not finite: the base model is damaged, fetch it again")]
    NotFinite { name: String },
    #[error("{} holds no .safetensors file: point `base` at a folder in Hugging Face's layout", .0.display())]
    NoWeights(PathBuf),
    #[error("cannot export this model: {0}")]
    Unsupported(String),
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl ExportError {
    /// For `map_err`: names the action and the file.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
