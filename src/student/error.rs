//! Why the student could not be set up or could not answer.

use std::io;
use std::path::PathBuf;

use wire::{Ineligible, ModelError};

/// What went wrong, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StudentError {
    #[error("ONNX Runtime's library was not found; looked at {}. Run `make setup`, or set `student.onnxruntime`", looked.join(", "))]
    LibraryMissing { looked: Vec<String> },
    #[error("ONNX Runtime's library {} cannot be used: {reason}. Run `make setup` for the version this program wants", path.display())]
    LibraryUnusable { path: PathBuf, reason: String },
    #[error("this process already uses {}, so {} cannot be loaded: restart it", loaded.display(), wanted.display())]
    LibraryLoaded { loaded: PathBuf, wanted: PathBuf },
    /// The message names what was tried and the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{} does not describe an exported model ({reason}): run `apprentice export` again", path.display())]
    Manifest { path: PathBuf, reason: String },
    #[error("the graph {} cannot be loaded: {reason}. It may be cut short: run `apprentice export` again", path.display())]
    Graph { path: PathBuf, reason: String },
    #[error("{} holds no encoder that can be used: {reason}", path.display())]
    Encoder { path: PathBuf, reason: String },
    #[error("{} belongs to no judge of entailment that can be used: {reason}", path.display())]
    Nli { path: PathBuf, reason: String },
    #[error("the graph was exported from another base: {what} is {graph} there and {base} in the base folder")]
    OtherBase { what: &'static str, graph: usize, base: usize },
    #[error("the processor feature `{0}` cannot be masked; vnni and avx512 can")]
    Mask(String),
    #[error("`student.{key}` is {value} and must be {wanted}")]
    Setting { key: &'static str, value: usize, wanted: String },
    #[error(transparent)]
    Gemma(#[from] gemma::GemmaError),
    #[error("{0} tokens do not fit the student's context of {1}")]
    TooLong(usize, usize),
    #[error("token {0} is not in the vocabulary of {1}")]
    UnknownToken(u32, usize),
    #[error("the graph returned values that are not finite at token {0}: the base or the adapter is damaged")]
    NotFinite(usize),
    #[error("the answer cannot be kept to its form: {0}")]
    Form(String),
    #[error("the system gave no random seed: {0}")]
    Seed(getrandom::Error),
    #[error("nobody waits for the answer any more")]
    Cancelled,
    #[error("ONNX Runtime failed: {0}")]
    Runtime(String),
}

impl From<ort::Error> for StudentError {
    fn from(error: ort::Error) -> Self {
        Self::Runtime(error.message().to_owned())
    }
}

impl From<StudentError> for ModelError {
    fn from(error: StudentError) -> Self {
        match error {
            StudentError::TooLong(tokens, limit) => Ineligible::TooLong { tokens, limit }.into(),
            // The schema's doing, and the client's: no failure of the student.
            StudentError::Form(why) => Ineligible::Schema(why).into(),
            other => Self::Failed(other.to_string()),
        }
    }
}
