//! What can go wrong in practice.

/// A failure of the practice world.
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    #[error("cannot {what} {path}: {problem}")]
    File { what: &'static str, path: String, problem: String },
    #[error("a request to {url} failed: {problem}")]
    Request { url: String, problem: String },
}
