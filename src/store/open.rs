//! The recovery ladder: open, open without snapshots, set aside and start afresh.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::{Store, StoreError};

/// How a store came to be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    Clean,
    /// sled's snapshots were damaged and were set aside; the log behind them was whole.
    WithoutSnapshots,
    /// The directory was beyond repair; it was moved to `kept` and an empty store begun.
    Fresh {
        kept: PathBuf,
    },
}

pub(crate) fn open(dir: &Path) -> Result<(Store, Opened), StoreError> {
    let broken = match try_open(dir) {
        Ok(store) => return Ok((store, Opened::Clean)),
        Err(error @ (StoreError::InUse(_) | StoreError::Io { .. })) => return Err(error),
        Err(error) => error,
    };
    tracing::warn!(dir = %dir.display(), error = %broken, "store does not open, trying without its snapshots");
    let aside = aside(dir, "snapshots");
    if move_snapshots(dir, &aside).map_err(io_error("set the store's snapshots aside"))? {
        match try_open(dir) {
            Ok(store) => return Ok((store, Opened::WithoutSnapshots)),
            Err(error) => tracing::warn!(dir = %dir.display(), %error, "store does not open without snapshots either"),
        }
    }
    let kept = self::aside(dir, "damaged");
    fs::rename(dir, &kept).map_err(io_error("set the damaged store aside"))?;
    tracing::error!(kept = %kept.display(), "damaged store set aside, starting an empty one");
    Ok((try_open(dir)?, Opened::Fresh { kept }))
}

fn try_open(dir: &Path) -> Result<Store, StoreError> {
    fs::create_dir_all(dir).map_err(io_error("create the store's directory"))?;
    let config = sled::Config::new().path(dir).cache_capacity(64 << 20).flush_every_ms(None);
    // A walk over both default and named trees proves that the log behind them can be read.
    let db = config.open().map_err(|error| classify(dir, error))?;
    for name in db.tree_names() {
        db.open_tree(name)?.iter().keys().try_for_each(|key| key.map(drop))?;
    }
    let file = File::open(dir.join("db")).map_err(io_error("open the store's file for syncing"))?;
    Ok(Store { db, file })
}

/// sled reports a held lock as an I/O error of no particular kind, so the text must tell.
fn classify(dir: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) if source.to_string().contains("could not acquire lock") => {
            StoreError::InUse(dir.to_owned())
        }
        sled::Error::Io(source)
            if matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::StorageFull) =>
        {
            StoreError::Io { what: "open the store", source }
        }
        other => StoreError::Sled(other),
    }
}

/// Moves `snap.*` into `aside`; says whether there were any.
fn move_snapshots(dir: &Path, aside: &Path) -> io::Result<bool> {
    let mut moved = false;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::create_dir_all(aside)?;
            fs::rename(entry.path(), aside.join(entry.file_name()))?;
            moved = true;
        }
    }
    Ok(moved)
}

/// A free name beside `dir`: `capture.damaged-1`, `capture.damaged-2`, ...
fn aside(dir: &Path, why: &str) -> PathBuf {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let candidate = |number: u32| dir.with_file_name(format!("{name}.{why}-{number}"));
    let taken = |path: &PathBuf| path.try_exists().unwrap_or(true);
    (1..u32::MAX).map(candidate).find(|path| !taken(path)).unwrap_or_else(|| candidate(0))
}

fn io_error(what: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { what, source }
}
