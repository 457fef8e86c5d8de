//! What a stopped program left on disk.

use std::path::Path;

use callsite::SiteId;
use capture::{CaptureStore, Exchange, Redactor, SegmentLimits, Segments};
use rustix::fs::{FlockOperation, flock};

use crate::wait::eventually;

/// The exchanges of `site` below the data folder of a program that no longer runs.
///
/// # Panics
/// When the store cannot be read.
#[must_use]
pub fn exchanges(data: &Path, site: &str) -> Vec<Exchange> {
    let redactor = Redactor::new(&[]).unwrap();
    let store = Segments::open(&data.join("capture"), SegmentLimits::NONE, redactor).unwrap();
    let mut exchanges = Vec::new();
    store.scan(&SiteId::new(site).unwrap(), None, &mut |exchange| exchanges.push(exchange)).unwrap();
    drop(store);
    released(data);
    exchanges
}

/// Waits until no store below `dir` is locked: a child process that
/// another test is just starting may hold a copy of the handle.
///
/// # Panics
/// When one stays locked.
pub fn released(dir: &Path) {
    for (path, _) in files(dir).into_iter().filter(|(path, _)| path.ends_with("db") || path.ends_with("lock")) {
        let file = std::fs::File::open(&path).unwrap();
        eventually("the store's lock", || flock(&file, FlockOperation::NonBlockingLockExclusive).ok());
        // Closing would not do while a child that is just being started holds a copy of the handle.
        flock(&file, FlockOperation::Unlock).unwrap();
    }
}

/// Every file below `dir`, with its bytes.
///
/// # Panics
/// When one cannot be read.
#[must_use]
pub fn files(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
    files
}
