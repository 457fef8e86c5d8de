//! What a stopped program left on disk.

use std::path::Path;

use callsite::SiteId;
use capture::segments::SegmentLimits;
use capture::{CaptureStore, Exchange, Segments};

/// The exchanges of `site` below the data folder of a program that no longer runs.
///
/// # Panics
/// When the store cannot be read.
#[must_use]
pub fn exchanges(data: &Path, site: &str) -> Vec<Exchange> {
    let limits = SegmentLimits { bytes_max: u64::MAX, age_ms_max: u64::MAX, retention_ms: u64::MAX };
    let store = Segments::open(&data.join("capture"), limits).unwrap();
    let mut exchanges = Vec::new();
    store.scan(&SiteId::new(site).unwrap(), None, &mut |exchange| exchanges.push(exchange)).unwrap();
    exchanges
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
