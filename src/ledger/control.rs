//! Where the log is kept.

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

use handover::Record;
use serde::{Deserialize, Serialize};
use store::{Put, Store, StoreError};

use crate::LedgerError;

const TREE: &str = "handover";

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    #[serde(default)]
    pub seq: u64,
    pub at_ms: u64,
    pub site: String,
    #[serde(flatten)]
    pub record: Record,
}

/// An append-only log of records.
pub trait ControlStore: Send + Sync {
    /// Appends and syncs; returns the entry's number.
    ///
    /// # Errors
    /// When it could not be written.
    fn append(&self, site: &str, at_ms: u64, record: &Record) -> Result<u64, LedgerError>;

    /// Calls `visit` with every entry after number `after`, in order.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn scan(&self, after: Option<u64>, visit: &mut dyn FnMut(Entry)) -> Result<(), LedgerError>;
}

/// The log in a store directory.
#[derive(Debug)]
pub struct SledControl {
    store: Store,
    next: Mutex<u64>,
}

impl SledControl {
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        let (store, _) = Store::open(dir)?;
        let last = store.scan(TREE, b"", None)?.filter_map(Result::ok).filter_map(|(key, _)| number(&key)).last();
        Ok(Self { store, next: Mutex::new(last.map_or(0, |last| last + 1)) })
    }
}

impl ControlStore for SledControl {
    fn append(&self, site: &str, at_ms: u64, record: &Record) -> Result<u64, LedgerError> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry { seq: *next, at_ms, site: site.to_owned(), record: record.clone() };
        let value = serde_json::to_vec(&entry)?;
        self.store.write(&[Put { tree: TREE, key: next.to_be_bytes().to_vec(), value }])?;
        *next += 1;
        Ok(entry.seq)
    }

    fn scan(&self, after: Option<u64>, visit: &mut dyn FnMut(Entry)) -> Result<(), LedgerError> {
        let after = after.map(u64::to_be_bytes);
        for item in self.store.scan(TREE, b"", after.as_ref().map(<[u8; 8]>::as_slice))? {
            match item {
                Ok((_, value)) => match serde_json::from_slice(&value) {
                    Ok(entry) => visit(entry),
                    Err(error) => tracing::error!(%error, "hand-over record skipped"),
                },
                // One lost audit is less evidence, never more: skipping is safe.
                Err(error @ StoreError::Damaged(_)) => tracing::error!(%error, "hand-over record skipped"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn number(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}
