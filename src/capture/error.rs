//! Why an exchange could not be kept or read.

/// A failure of the exchange log.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("a stored exchange cannot be read: {0}; it is skipped")]
    Record(String),
    /// The message names what was tried and the path.
    #[error("the capture directory cannot be used: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] store::StoreError),
}
