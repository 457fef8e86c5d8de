//! Folders that are replaced whole: a reader sees the old one or the whole new one.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::ExportError;

/// Lets `write` fill a hidden folder beside `out`, then puts it in the place of `out`. After a failure `out` is as it was.
pub(crate) fn whole_folder<T>(
    out: &Path,
    write: impl FnOnce(&Path) -> Result<T, ExportError>,
) -> Result<T, ExportError> {
    let partial = sibling(out, "partial");
    remove_dir(&partial)?;
    fs::create_dir_all(&partial)?;
    let written = write(&partial).and_then(|written| {
        replace(&partial, out)?;
        Ok(written)
    });
    if written.is_err() {
        // The first error is the one to report; what is left over is removed by the next export.
        fs::remove_dir_all(&partial).unwrap_or_default();
    }
    written
}

/// Puts `new` in the place of `out`. A folder cannot be renamed over a full one, so the old one steps aside first.
fn replace(new: &Path, out: &Path) -> Result<(), ExportError> {
    let old = sibling(out, "old");
    remove_dir(&old)?;
    if out.try_exists()? {
        fs::rename(out, &old)?;
    }
    fs::rename(new, out)?;
    if let Some(parent) = out.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        files::sync_dir(parent)?;
    }
    remove_dir(&old)
}

/// A hidden name beside `out`, on the same file system.
fn sibling(out: &Path, suffix: &str) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.{suffix}"))
}

fn remove_dir(dir: &Path) -> Result<(), ExportError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
