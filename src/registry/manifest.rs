//! What a published version says of itself.

use std::path::Path;

use callsite::{SiteId, VersionId};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::RegistryError;

/// One file and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHash {
    pub name: String,
    /// BLAKE3, hex.
    pub blake3: String,
}

/// `apprentice.json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub site: SiteId,
    pub version: VersionId,
    pub files: Vec<FileHash>,
    /// Lineage, base model, training figures, exam: whatever the maker knows.
    pub facts: serde_json::Value,
}

/// The plain files of `dir` with their hashes, by name.
pub(crate) fn hash_files(dir: &Path) -> Result<Vec<FileHash>, RegistryError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.path().is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push(FileHash { blake3: hash_file(&entry.path())?, name });
        }
    }
    files.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(files)
}

pub(crate) fn hash_file(path: &Path) -> Result<String, RegistryError> {
    Ok(blake3::hash(&fs::read(path)?).to_hex().to_string())
}

/// The first 12 hex digits of the hash over all names and hashes.
pub(crate) fn content_hash(files: &[FileHash]) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        hasher.update(file.name.as_bytes()).update(&[0]).update(file.blake3.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(12).collect()
}
