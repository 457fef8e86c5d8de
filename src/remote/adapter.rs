//! An adapter as the server knows it: a folder in PEFT's layout and a name that tells its content.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::RemoteError;

/// The files of a PEFT folder that decide what it answers.
const FILES: [&str; 2] = ["adapter_config.json", "adapter_model.safetensors"];
/// Hex digits of the content hash in a name.
const HASH_DIGITS: usize = 16;

/// One adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Adapter {
    /// Absolute, on this machine.
    pub(crate) dir: PathBuf,
    /// The beginning of the BLAKE3 of its files, hex.
    pub(crate) hash: String,
    /// What the server calls it. The hash is part of it, so that no adapter ever answers under the name of another.
    pub(crate) name: String,
}

impl Adapter {
    /// Reads the folder `dir`; `model` is whose adapter it is, such as `shop@3-...`.
    pub(crate) fn read(model: &str, dir: &Path) -> Result<Self, RemoteError> {
        let mut hasher = blake3::Hasher::new();
        for file in FILES {
            let bytes = fs::read(dir.join(file))?;
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
        }
        let hash: String = hasher.finalize().to_hex().chars().take(HASH_DIGITS).collect();
        Ok(Self { dir: std::path::absolute(dir)?, name: format!("{model}.{hash}"), hash })
    }
}
