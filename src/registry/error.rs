//! Why a version could not be kept or opened.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("{} does not match its manifest; publish the version again or roll back", .0.display())]
    Corrupt(PathBuf),
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error("a manifest or pointer cannot be read: {0}")]
    Manifest(#[from] serde_json::Error),
}

impl RegistryError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
