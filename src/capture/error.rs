//! Why an exchange could not be kept or read.

/// A failure of the exchange log.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("a stored exchange cannot be read: {0}; it is skipped")]
    Record(String),
    #[error("cannot {what} the capture directory: {source}")]
    Directory { what: &'static str, source: std::io::Error },
    #[error(transparent)]
    Store(#[from] store::StoreError),
}
