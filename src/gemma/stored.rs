//! A file whose content is known: what it must be when it is read again.

use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::error::GemmaError;
use crate::hash::content_hash;

/// A file's length and content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    pub bytes: u64,
    /// BLAKE3, in hex.
    pub hash: String,
}

impl StoredFile {
    #[must_use]
    pub fn new(bytes: u64, hash: blake3::Hash) -> Self {
        Self { bytes, hash: hash.to_hex().to_string() }
    }

    /// What a file of this content is.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self::new(content.len() as u64, blake3::hash(content))
    }

    /// Reads the file at `path` whole and proves that it is this one.
    ///
    /// # Errors
    /// When it cannot be read, is cut short, or a bit of it is another.
    pub fn check(&self, path: &Path) -> Result<(), GemmaError> {
        let bytes = fs::metadata(path)?.len();
        let damaged = |problem: String| GemmaError::Damaged { path: path.to_path_buf(), problem };
        if bytes != self.bytes {
            return Err(damaged(format!("it has {bytes} bytes and was written with {}", self.bytes)));
        }
        if content_hash(path)?.to_hex().as_str() != self.hash {
            return Err(damaged("its content is not what was written".to_owned()));
        }
        Ok(())
    }
}
