//! Why the data plane could not be set up. Errors of single requests are `wire::error::ApiError`s.

/// A failure at start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error(transparent)]
    Teacher(#[from] teacher::TeacherError),
    #[error("cannot start a serving thread: {0}")]
    Thread(std::io::Error),
}
