//! What an export depends on, as one hash: an export of the same content need not be made twice.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::ExportError;
use crate::folder::Format;

/// Part of every fingerprint; raise it when the same base gives another graph.
const EXPORTER_VERSION: &str = "2";

/// BLAKE3, in hex, over the exporter's version, the format, `config.json` and every weight file of `base`.
pub(crate) fn of(base: &Path, format: Format) -> Result<String, ExportError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{EXPORTER_VERSION} {}\n", format.name()).as_bytes());
    let mut files = weight_files(base)?;
    files.push(base.join("config.json"));
    let mut buffer = vec![0; 1 << 20];
    for path in files {
        let mut file = File::open(&path).map_err(ExportError::io("open", &path))?;
        let length = file.metadata().map_err(ExportError::io("read", &path))?.len();
        // The length keeps two files from being taken for their concatenation.
        hasher.update(&length.to_le_bytes());
        loop {
            let read = file.read(&mut buffer).map_err(ExportError::io("read", &path))?;
            if read == 0 {
                break;
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Every `.safetensors` file of the folder, by name.
fn weight_files(base: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(base).map_err(ExportError::io("list", base))? {
        let path = entry.map_err(ExportError::io("list", base))?.path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(ExportError::NoWeights(base.to_path_buf()));
    }
    files.sort();
    Ok(files)
}
