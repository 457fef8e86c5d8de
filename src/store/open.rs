//! The recovery ladder: open, open without an unfinished snapshot, without any, set aside and start afresh.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::guard::guarded;
use crate::{Store, StoreError};

/// What sled keeps in memory of a store, about.
const CACHE_BYTES: u64 = 32 << 20;
const LOCK_TRIES: u32 = 5;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// How a store came to be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    Clean,
    /// sled's snapshots were damaged and were removed; the log behind them was whole.
    WithoutSnapshots,
    /// The directory was beyond repair; it was moved to `kept` and an empty store begun.
    Fresh {
        kept: PathBuf,
    },
}

pub(crate) fn open(dir: &Path) -> Result<(Store, Opened), StoreError> {
    probe(dir).map_err(io_error("write in the store's directory; is the disk full or read-only?"))?;
    make(dir)?;
    climb(dir, &mut patient_open)
}

/// Makes an empty directory a store, beside it and put in its place when it is whole: what a program that is killed meanwhile leaves is
/// no store, damaged or not.
fn make(dir: &Path) -> Result<(), StoreError> {
    let failed = io_error("make the store");
    if fs::read_dir(dir).map_err(&failed)?.next().is_some() {
        return Ok(());
    }
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let making = dir.with_file_name(format!(".{name}.making"));
    if making.try_exists().map_err(&failed)? {
        fs::remove_dir_all(&making).map_err(&failed)?;
    }
    fs::DirBuilder::new().mode(0o700).create(&making).map_err(&failed)?;
    let Store { db, file } = try_open(&making)?;
    guarded(|| Ok(db.flush()?))?;
    file.sync_all().map_err(&failed)?;
    // sled lets go of its lock before somebody else takes it.
    guarded(|| {
        drop(db);
        Ok(())
    })?;
    fs::rename(&making, dir).map_err(failed)
}

/// As `try_open`, for a moment also where the lock is held: a child process that is being started holds all of
/// ours until it becomes its own program.
fn patient_open(dir: &Path) -> Result<Store, StoreError> {
    for _ in 1..LOCK_TRIES {
        match try_open(dir) {
            Err(StoreError::InUse(_)) => std::thread::sleep(LOCK_WAIT),
            other => return other,
        }
    }
    try_open(dir)
}

/// What is taken away from a directory that does not open, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rung {
    /// Snapshots that were being written when the program was killed: sled takes one for whole and finds it damaged.
    Unfinished,
    /// All snapshots: the log says all that they say.
    Snapshots,
}

/// The ladder, with how a directory is opened.
pub(crate) fn climb(
    dir: &Path,
    try_open: &mut dyn FnMut(&Path) -> Result<Store, StoreError>,
) -> Result<(Store, Opened), StoreError> {
    let mut broken = match try_open(dir) {
        Ok(store) => return Ok((store, Opened::Clean)),
        Err(error @ (StoreError::InUse(_) | StoreError::Io { .. })) => return Err(error),
        Err(error) => error,
    };
    let moved = aside(dir, "snapshots");
    for rung in [Rung::Unfinished, Rung::Snapshots] {
        // After a panic parts of sled may live on with the directory's lock: only a fresh directory opens then.
        if matches!(broken, StoreError::Panicked(_)) || !rung.clear(dir, &moved)? {
            continue;
        }
        match try_open(dir) {
            Ok(store) if rung == Rung::Unfinished => return Ok((store, Opened::Clean)),
            Ok(store) => {
                tracing::warn!(dir = %dir.display(), error = %broken, "a store opens without its snapshots alone");
                fs::remove_dir_all(&moved).map_err(io_error("remove damaged snapshots"))?;
                return Ok((store, Opened::WithoutSnapshots));
            }
            Err(error @ StoreError::Io { .. }) => return Err(error),
            Err(error) => broken = error,
        }
    }
    let kept = aside(dir, "damaged");
    fs::rename(dir, &kept).map_err(io_error("set the damaged store aside"))?;
    tracing::error!(kept = %kept.display(), error = %broken, "damaged store set aside, starting an empty one");
    Ok((try_open(dir)?, Opened::Fresh { kept }))
}

impl Rung {
    /// Whether there was anything. What is whole is moved into `aside`, as long as nobody knows that the store opens without it. Nobody
    /// else has the store: it was tried before.
    fn clear(self, dir: &Path, aside: &Path) -> Result<bool, StoreError> {
        match self {
            Self::Unfinished => remove_unfinished(dir).map_err(io_error("remove an unfinished snapshot")),
            Self::Snapshots => move_snapshots(dir, aside).map_err(io_error("set the store's snapshots aside")),
        }
    }
}

/// Makes the directory, for its owner only, and writes a little in it: a disk that takes nothing is no damage.
fn probe(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let path = dir.join(".probe");
    let written = fs::write(&path, [0; 4096]);
    fs::remove_file(&path)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    written
}

fn try_open(dir: &Path) -> Result<Store, StoreError> {
    let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let db = guarded(|| config.open().map_err(|error| classify(dir, error)))?;
    // A walk over both default and named trees proves that the log behind them can be read.
    let walked = guarded(|| {
        for name in db.tree_names() {
            let mut keys = db.open_tree(name)?.iter().keys();
            keys.try_for_each(|key| key.map(drop))?;
        }
        Ok(())
    });
    let opened =
        walked.and_then(|()| File::open(dir.join("db")).map_err(io_error("open the store's file for syncing")));
    match opened {
        Ok(file) => Ok(Store { db, file }),
        Err(error @ StoreError::Panicked(_)) => {
            std::mem::forget(db);
            Err(error)
        }
        Err(error) => guarded(|| {
            drop(db);
            Err(error)
        }),
    }
}

/// Which errors of sled speak of the directory and which of what lies in it. A held lock is reported as an I/O error
/// of no particular kind, so the text must tell.
fn classify(dir: &Path, error: sled::Error) -> StoreError {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, Other, UnexpectedEof};
    match error {
        sled::Error::Io(source) if source.to_string().contains("could not acquire lock") => {
            StoreError::InUse(dir.to_owned())
        }
        sled::Error::Io(source)
            if !matches!(source.kind(), InvalidData | InvalidInput | NotFound | Other | UnexpectedEof) =>
        {
            StoreError::Io { what: "open the store", source }
        }
        other => StoreError::Sled(other),
    }
}

/// Says whether there were any.
fn remove_unfinished(dir: &Path) -> io::Result<bool> {
    let mut unfinished = snapshots(dir)?;
    unfinished.retain(|path| path.extension().is_some_and(|end| end == "generating"));
    unfinished.iter().try_for_each(fs::remove_file)?;
    Ok(!unfinished.is_empty())
}

/// Says whether there were any.
fn move_snapshots(dir: &Path, aside: &Path) -> io::Result<bool> {
    let snapshots = snapshots(dir)?;
    for path in &snapshots {
        fs::create_dir_all(aside)?;
        fs::rename(path, aside.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(!snapshots.is_empty())
}

/// sled's snapshots, the unfinished ones too.
fn snapshots(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: io::Result<Vec<PathBuf>> = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect();
    let is_snapshot = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."));
    Ok(paths?.into_iter().filter(is_snapshot).collect())
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
