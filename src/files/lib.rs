//! Small files that are replaced whole: a reader, a crash or a power loss sees the old file or the new one.
//!
//! The one place that writes such a file. Errors name the file: they are `fs-err`'s. Blocking; knows nothing
//! of what the files say.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the names of files begin with that are not yet in their place.
const STAGED: &str = ".staged-";

/// Why a file could not be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The message names what was tried and the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{} does not hold what it should: {source}", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
}

/// Replaces `path` by `bytes`: temporary file in the same folder, sync, rename, sync of the folder.
/// The file keeps the temporary file's mode 0600: what is written here is nobody else's.
///
/// # Errors
/// When the folder does not exist, is full or must not be written.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, |file| file.write_all(bytes))
}

/// As [`replace`], with a writer, for what should not lie in memory.
///
/// # Errors
/// As [`replace`], and whatever `write` returns.
pub fn replace_with(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot replace {}: {error}", path.display()));
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut staged = tempfile::Builder::new().prefix(STAGED).tempfile_in(dir).map_err(named)?;
    let mut buffered = io::BufWriter::new(staged.as_file_mut());
    write(&mut buffered).and_then(|()| buffered.flush()).map_err(named)?;
    drop(buffered);
    staged.as_file().sync_all().map_err(named)?;
    staged.persist(path).map_err(|error| named(error.error))?;
    sync_dir(dir)
}

/// Removes from `dir` what a program that was killed while it replaced a file left there. Nobody else may be at work in it.
///
/// # Errors
/// When `dir` cannot be listed or a file not be removed.
pub fn remove_staged(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(STAGED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Creates `dir`, readable by its owner alone, and what leads to it; one that is there stays as it is.
///
/// # Errors
/// When it cannot be created; the message names it.
pub fn create_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    created.map_err(|error| io::Error::new(error.kind(), format!("cannot create {}: {error}", dir.display())))
}

/// Takes from everybody but the owner what they may do with `dir` and all that is in it; gives back how many files and folders that
/// changed. Links stay as they are.
///
/// # Errors
/// When a folder cannot be listed or a mode not be set.
pub fn make_private(dir: &Path) -> io::Result<usize> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::symlink_metadata(dir)?;
    let mut permissions = metadata.permissions();
    let mut changed = 0;
    if metadata.is_symlink() {
        return Ok(changed);
    }
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(permissions.mode() & 0o700);
        fs::set_permissions(dir, permissions)?;
        changed += 1;
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(dir)? {
            changed += make_private(&entry?.path())?;
        }
    }
    Ok(changed)
}

/// Makes what was created, renamed or removed in `dir` survive a power loss.
///
/// # Errors
/// When the folder cannot be opened or synced.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

/// Replaces `path` by `value` as indented JSON.
///
/// # Errors
/// As [`replace`], and when `value` cannot be put as JSON.
pub fn replace_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|source| FileError::Json { path: path.to_owned(), source })?;
    Ok(replace(path, &bytes)?)
}

/// Reads a JSON file; `None` when there is none.
///
/// # Errors
/// When it cannot be read or is not of this form; the message names the file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|source| FileError::Json { path: path.to_owned(), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
