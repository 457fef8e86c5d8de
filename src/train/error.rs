//! What can go wrong in a training run.

use std::path::{Path, PathBuf};

/// Errors of reading a job and its data, of computing, and of writing what was learnt.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Gemma(#[from] gemma::GemmaError),
    #[error("the computation failed: {0}")]
    Compute(#[from] candle_core::Error),
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("job {path}: {problem}")]
    Job { path: PathBuf, problem: String },
    #[error("{path} line {line}: {problem}")]
    Data { path: PathBuf, line: usize, problem: String },
    #[error("{path} holds no example of at most {max_tokens} tokens; raise max_tokens or give other data")]
    Empty { path: PathBuf, max_tokens: usize },
    #[error("{path} is no checkpoint of this job: {problem}; remove the folder to start afresh")]
    Checkpoint { path: PathBuf, problem: String },
    #[error("the loss is {loss} at step {step}; lower the learning rate")]
    Diverged { step: usize, loss: f64 },
    #[error("a worker thread died")]
    Worker,
}

impl TrainError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_path_buf(), source }
    }

    pub(crate) fn job(path: &Path, problem: impl ToString) -> Self {
        Self::Job { path: path.to_path_buf(), problem: problem.to_string() }
    }

    pub(crate) fn checkpoint(path: &Path, problem: impl ToString) -> Self {
        Self::Checkpoint { path: path.to_path_buf(), problem: problem.to_string() }
    }
}
