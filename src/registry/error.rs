//! Why the registry could not do what it was asked.

use std::path::PathBuf;

/// A failure of the registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("{} is not what was published; the version cannot be served", .0.display())]
    Corrupt(PathBuf),
    #[error(transparent)]
    File(#[from] files::FileError),
    /// The message names what was tried and the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{} does not exist: the version was removed or never published", .0.display())]
    Missing(PathBuf),
    #[error(transparent)]
    Version(#[from] callsite::BadVersion),
}
