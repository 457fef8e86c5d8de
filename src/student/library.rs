//! Where ONNX Runtime's shared library is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::StudentError;

/// The version of ONNX Runtime that this program is tried with; another 1.31 loads, an older one does not.
pub const WANTED: &str = "1.31.1";

/// Where a package puts the library, beside the folder of the programs.
const INSTALLED: &str = "lib/apprentice/libonnxruntime.so";

/// The library to load, `env` being the environment: what the configuration names, else `ORT_DYLIB_PATH`, else what was installed with this
/// program, else the copy in the cache (`APPRENTICE_CACHE`, else `XDG_CACHE_HOME/apprentice`, else `HOME/.cache/apprentice`).
///
/// # Errors
/// [`StudentError::LibraryMissing`] with every place looked at. A place that is named and empty is an error:
/// another library than the one asked for is never taken.
pub fn find(configured: Option<&Path>, env: &dyn Fn(&str) -> Option<OsString>) -> Result<PathBuf, StudentError> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = configured {
        let place = format!("`student.onnxruntime` = {}", path.display());
        return take(path.to_path_buf(), vec![place]);
    }
    let mut looked = vec!["`student.onnxruntime` (not set)".to_owned()];
    if let Some(path) = set("ORT_DYLIB_PATH") {
        looked.push(format!("ORT_DYLIB_PATH = {}", path.display()));
        return take(path, looked);
    }
    looked.push("ORT_DYLIB_PATH (not set)".to_owned());
    if let Some(path) = std::env::current_exe().ok().and_then(|program| installed(&program)) {
        looked.push(path.display().to_string());
        if path.is_file() {
            return Ok(path);
        }
    }
    let cache = set("APPRENTICE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("apprentice")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/apprentice")));
    let Some(cache) = cache else {
        looked.push("the cache (none of APPRENTICE_CACHE, XDG_CACHE_HOME and HOME is set)".to_owned());
        return Err(StudentError::LibraryMissing { looked });
    };
    // `deploy/setup-onnxruntime.sh` puts the library there.
    let path = cache.join(format!("onnxruntime/{WANTED}/libonnxruntime.so"));
    looked.push(path.display().to_string());
    take(path, looked)
}

/// The library's place beside `program` once both are installed.
fn installed(program: &Path) -> Option<PathBuf> {
    let root = program.parent()?.parent()?;
    Some(root.join(INSTALLED))
}

fn take(path: PathBuf, looked: Vec<String>) -> Result<PathBuf, StudentError> {
    if path.is_file() { Ok(path) } else { Err(StudentError::LibraryMissing { looked }) }
}

#[cfg(test)]
mod tests;
