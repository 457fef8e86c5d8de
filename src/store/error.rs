//! Why the store could not do what it was asked.

use std::io;
use std::path::PathBuf;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("a stored value is damaged: {0}; it is skipped")]
    Damaged(&'static str),
    #[error("the store {} is in use by another process; stop that one or choose another directory", .0.display())]
    InUse(PathBuf),
    #[error("cannot {what}: {source}")]
    Io { what: &'static str, source: io::Error },
    #[error("the store is damaged, its library gave up: {0}")]
    Panicked(String),
    #[error("the store failed: {0}")]
    Sled(#[from] sled::Error),
}
