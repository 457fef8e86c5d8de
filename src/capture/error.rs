//! Why an exchange could not be kept or read.

/// A failure of the exchange log.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("stored exchanges cannot be read: {0}; they are skipped")]
    Damaged(String),
    #[error(
        "only {free_mb} MB are free on the disk of the exchange log, and capture.free_mb_min = {min_mb}: nothing is kept until there is room"
    )]
    NoRoom { free_mb: u64, min_mb: u64 },
    /// The message names what was tried and the path.
    #[error("the capture directory cannot be used: {0}")]
    Io(#[from] std::io::Error),
    #[error("an exchange cannot be packed: {0}")]
    Packing(String),
    #[error(transparent)]
    Store(#[from] store::StoreError),
}
