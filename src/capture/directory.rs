//! The names of the exchange log's files, and which are there.
//!
//! `segment-ID` is a live segment's folder, `segment-ID.sealed` a sealed one; what was set aside has a suffix more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;
use uuid::Uuid;

use crate::CaptureError;

const PREFIX: &str = "segment-";
const SEALED: &str = ".sealed";
const ID_CHARS: usize = 36;

/// What lies in a log's folder.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) live: BTreeSet<Uuid>,
    pub(crate) sealed: BTreeSet<Uuid>,
    /// Beyond repair, kept for whoever wants to look.
    pub(crate) set_aside: BTreeSet<(Uuid, PathBuf)>,
}

pub(crate) fn live_path(dir: &Path, first: Uuid) -> PathBuf {
    dir.join(format!("{PREFIX}{first}"))
}

pub(crate) fn sealed_path(dir: &Path, first: Uuid) -> PathBuf {
    dir.join(format!("{PREFIX}{first}{SEALED}"))
}

/// # Errors
/// When the folder cannot be listed.
pub(crate) fn list(dir: &Path) -> Result<Listing, CaptureError> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((id, suffix)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_at_checked(ID_CHARS)) else {
            continue;
        };
        let Ok(first) = Uuid::parse_str(id) else { continue };
        match suffix {
            "" => drop(listing.live.insert(first)),
            SEALED => drop(listing.sealed.insert(first)),
            _ => drop(listing.set_aside.insert((first, entry.path()))),
        }
    }
    Ok(listing)
}

/// Removes live segments that a program was killed while it made: nothing was written to them.
pub(crate) fn remove_unmade(dir: &Path) -> Result<(), CaptureError> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&format!(".{PREFIX}")) && name.ends_with(".making") {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Moves a sealed file that is none to a free name beside it.
pub(crate) fn set_aside(dir: &Path, first: Uuid) -> Result<PathBuf, CaptureError> {
    let from = sealed_path(dir, first);
    let mut to = from.clone();
    for number in 1_u32.. {
        to = dir.join(format!("{PREFIX}{first}{SEALED}.damaged-{number}"));
        if !to.try_exists()? {
            break;
        }
    }
    fs::rename(&from, &to)?;
    Ok(to)
}

/// Removes a file or folder, whichever it is.
pub(crate) fn remove(path: &Path) -> Result<(), CaptureError> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)?
    } else {
        fs::remove_file(path)?
    }
    Ok(())
}

/// Bytes of a file, or of all files below a folder; 0 of what has gone meanwhile.
pub(crate) fn size_bytes(path: &Path) -> Result<u64, CaptureError> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        metadata => metadata?,
    };
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        bytes += size_bytes(&entry?.path())?;
    }
    Ok(bytes)
}
