//! The one place that knows sled: a durable, checksummed key-value directory.
//!
//! What an acknowledged write survives: the process being killed, and power loss. sled 0.34.7's own
//! `flush` writes without syncing, so every batch is followed by `fdatasync` on a second handle of the
//! same file; under group commit that costs nothing measurable. Blocking: call it from a thread of its own.
//!
//! A damaged directory never stops the program: see [`Store::open`]. No panic of sled leaves this member.

mod error;
mod frame;
mod guard;
mod open;

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Bound;
use std::path::Path;

pub use error::StoreError;
use guard::guarded;
pub use open::Opened;

/// A store in one directory.
#[derive(Debug)]
pub struct Store {
    db: sled::Db,
    /// A second handle of sled's file, for `fdatasync`.
    file: File,
}

/// A key and its value.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// One write: tree, key, value.
#[derive(Clone, Debug)]
pub struct Put<'a> {
    pub tree: &'a str,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

impl Store {
    /// Opens or creates the store in `dir`. On damage it tries in turn: as it is; without a
    /// snapshot that was being written when the program was killed; without sled's snapshots, which sled rebuilds from its log; a fresh directory, the damaged one kept beside it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open; [`StoreError::Io`] when nothing can be made or written
    /// there, as on a full or a read-only disk: nothing is set aside then.
    pub fn open(dir: &Path) -> Result<(Self, Opened), StoreError> {
        open::open(dir)
    }

    /// Writes all of `puts` and returns when they are on the disk; those of one tree are there all or none after a crash.
    ///
    /// # Errors
    /// Any failure; after one, nothing is known of what was kept and the caller must stop writing.
    pub fn write(&self, puts: &[Put<'_>]) -> Result<(), StoreError> {
        guarded(|| {
            let mut batches: BTreeMap<&str, sled::Batch> = BTreeMap::new();
            for put in puts {
                batches.entry(put.tree).or_default().insert(put.key.as_slice(), frame::seal(&put.value));
            }
            for (tree, batch) in batches {
                self.db.open_tree(tree)?.apply_batch(batch)?;
            }
            self.db.flush()?;
            Ok(())
        })?;
        self.file.sync_data().map_err(|source| StoreError::Io { what: "sync the store", source })
    }

    /// Reads one value.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when its checksum does not match.
    pub fn get(&self, tree: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = guarded(|| Ok(self.db.open_tree(tree)?.get(key)?))?;
        value.map(|value| frame::open(&value).map(<[u8]>::to_vec)).transpose()
    }

    /// Walks the keys of `tree` that begin with `prefix` and are greater than `after`, in order.
    ///
    /// # Errors
    /// Each item carries its own: a damaged value does not end the walk.
    pub fn scan(
        &self,
        tree: &str,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<impl Iterator<Item = Result<KeyValue, StoreError>> + use<>, StoreError> {
        let (tree, prefix) = (guarded(|| Ok(self.db.open_tree(tree)?))?, prefix.to_vec());
        // Begins at the place itself: a log's newest entries are found without walking the old ones.
        let first = match after {
            Some(after) if after >= prefix.as_slice() => Bound::Excluded(after.to_vec()),
            _ => Bound::Included(prefix.clone()),
        };
        let mut items = Some(tree.range::<Vec<u8>, _>((first, Bound::Unbounded)));
        // A walk that panicked is over.
        let next = move || match guarded(|| items.as_mut().and_then(Iterator::next).transpose().map_err(Into::into)) {
            Ok(item) => item.map(Ok),
            Err(error) => {
                if let (StoreError::Panicked(_), Some(items)) = (&error, items.take()) {
                    std::mem::forget(items);
                }
                Some(Err(error))
            }
        };
        let of_prefix = move |item: &Result<(sled::IVec, sled::IVec), StoreError>| {
            item.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))
        };
        Ok(std::iter::from_fn(next).take_while(of_prefix).map(|item| {
            let (key, value) = item?;
            Ok((key.to_vec(), frame::open(&value)?.to_vec()))
        }))
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn size_bytes(&self) -> Result<u64, StoreError> {
        guarded(|| Ok(self.db.size_on_disk()?))
    }
}

#[cfg(test)]
mod tests;
