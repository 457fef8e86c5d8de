//! Why no curriculum could be drawn or read.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the curriculum.
#[derive(Debug, thiserror::Error)]
pub enum CurriculumError {
    #[error(transparent)]
    Capture(#[from] capture::CaptureError),
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error("an example cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{} line {line} is no example: {source}", path.display())]
    Line { path: PathBuf, line: usize, source: serde_json::Error },
}

impl CurriculumError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
