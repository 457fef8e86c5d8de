//! A log in memory that survives its ledger and fails on demand.

use std::sync::Arc;

use handover::Entry;
use parking_lot::Mutex;

use crate::LedgerError;
use crate::control::{ControlStore, Marks, Snapshot, Stored, Tail};

/// How the next writes go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Well,
    /// Nothing is written and an error is reported; nothing can be read either.
    Broken,
    /// The next record is written, yet an error is reported; then as `Broken`.
    WrittenYetBroken,
    /// Records are written, the marks are not.
    MarksBroken,
}

#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) snapshot: Option<Snapshot>,
    /// Since the snapshot.
    pub(super) entries: Vec<Entry>,
    /// Ever written.
    pub(super) all: Vec<Entry>,
    pub(super) marks: Option<Marks>,
    pub(super) mode: Mode,
    pub(super) appends: usize,
}

/// A handle of a disk that tests share.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryLog(pub(super) Arc<Mutex<Disk>>);

impl MemoryLog {
    pub(super) fn set(&self, mode: Mode) {
        self.0.lock().mode = mode;
    }
}

fn broken() -> LedgerError {
    LedgerError::Io { what: "write the hand-over log", source: std::io::Error::other("no space left") }
}

impl ControlStore for MemoryLog {
    fn reopen(&mut self) -> Result<Stored, LedgerError> {
        let disk = self.0.lock();
        if matches!(disk.mode, Mode::Broken | Mode::WrittenYetBroken) {
            return Err(broken());
        }
        Ok(Stored { snapshot: disk.snapshot.clone(), marks: disk.marks.clone() })
    }

    fn tail(&mut self) -> Result<Tail, LedgerError> {
        Ok(Tail { entries: self.0.lock().entries.clone(), damage: None })
    }

    fn append(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let mut disk = self.0.lock();
        disk.appends += 1;
        if disk.mode == Mode::Broken {
            return Err(broken());
        }
        let next = disk.snapshot.as_ref().map_or(0, |snapshot| snapshot.next_seq) + disk.entries.len() as u64;
        if entry.seq != next {
            return Err(LedgerError::Conflict { expected: entry.seq, found: next });
        }
        // As on a disk: through its stored form.
        let stored: Entry = serde_json::from_slice(&serde_json::to_vec(entry)?)?;
        disk.entries.push(stored.clone());
        disk.all.push(stored);
        if disk.mode == Mode::WrittenYetBroken {
            disk.mode = Mode::Broken;
            return Err(broken());
        }
        Ok(())
    }

    fn keep_marks(&mut self, marks: &Marks) -> Result<(), LedgerError> {
        let mut disk = self.0.lock();
        if matches!(disk.mode, Mode::Broken | Mode::MarksBroken) {
            return Err(broken());
        }
        disk.marks = Some(marks.clone());
        Ok(())
    }

    fn compact(&mut self, snapshot: &Snapshot) -> Result<(), LedgerError> {
        let mut disk = self.0.lock();
        disk.snapshot = Some(serde_json::from_slice(&serde_json::to_vec(snapshot)?)?);
        disk.entries.clear();
        Ok(())
    }

    fn begin_anew(&mut self, snapshot: &Snapshot, marks: &Marks) -> Result<(), LedgerError> {
        self.keep_marks(marks)?;
        self.compact(snapshot)
    }
}
