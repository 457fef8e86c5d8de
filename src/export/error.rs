//! Why an export failed.

use std::io;

/// What went wrong while a model was exported, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The message names what was tried and the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("cannot read the base model: {0}")]
    Base(#[from] gemma::GemmaError),
    #[error("{name} has shape {found:?} and should have {wanted:?}: config.json and the weights disagree")]
    Shape { name: String, found: Vec<usize>, wanted: Vec<usize> },
    #[error("{name} holds a value that is not finite: the base model is damaged, fetch it again")]
    NotFinite { name: String },
    #[error("cannot export this model: {0}")]
    Unsupported(String),
    #[error("{} does not describe an encoder that can be exported: {problem}", path.display())]
    Encoder { path: std::path::PathBuf, problem: String },
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}
