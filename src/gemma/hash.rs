//! What a base is, as a hash of its content: whether something was made from this base or from another.

use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::error::GemmaError;

/// BLAKE3 over `config.json` and every `.safetensors` file of the folder `base`. Reads all of them.
///
/// # Errors
/// When a file cannot be read, or there are no weights.
pub fn base_hash(base: &Path) -> Result<blake3::Hash, GemmaError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(base)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(GemmaError::NoWeights { dir: base.to_path_buf() });
    }
    files.sort();
    files.push(base.join("config.json"));
    hash_files(&files)
}

/// The same over `config.json` alone, for a base that has no weights yet.
///
/// # Errors
/// When the file cannot be read.
pub fn config_hash(base: &Path) -> Result<blake3::Hash, GemmaError> {
    hash_files(&[base.join("config.json")])
}

/// The same over the files of the PEFT adapter in `dir`.
///
/// # Errors
/// When one cannot be read.
pub fn adapter_hash(dir: &Path) -> Result<blake3::Hash, GemmaError> {
    hash_files(&["adapter_config.json", "adapter_model.safetensors"].map(|name| dir.join(name)))
}

fn hash_files(files: &[PathBuf]) -> Result<blake3::Hash, GemmaError> {
    let mut hasher = blake3::Hasher::new();
    for path in files {
        // The length keeps two files from being taken for their concatenation.
        hasher.update(&fs::metadata(path)?.len().to_le_bytes());
        read_into(&mut hasher, path)?;
    }
    Ok(hasher.finalize())
}

/// BLAKE3 of what a file holds.
pub(crate) fn content_hash(path: &Path) -> Result<blake3::Hash, GemmaError> {
    let mut hasher = blake3::Hasher::new();
    read_into(&mut hasher, path)?;
    Ok(hasher.finalize())
}

fn read_into(hasher: &mut blake3::Hasher, path: &Path) -> Result<(), GemmaError> {
    let (mut file, mut buffer) = (fs::File::open(path)?, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests;
