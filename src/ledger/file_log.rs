//! The log in a directory of its own: `log-N.jsonl` with the records from number N on, one chained line each;
//! `snapshot.json`, which all records before N replay to; `marks.json`; the heads; `lock`.
//!
//! A plain file and not a store: its record boundaries are its own, a torn write is a torn line, and after a
//! full disk it goes on where it was. Every append is synced twice: the line, then the head that counts it.

use std::fs::{DirBuilder, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use blake3::Hash;
use fs_err as fs;
use handover::Entry;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::LedgerError;
use crate::control::{ControlStore, Marks, Snapshot, Stored, Tail};
use crate::error::io;
use crate::heads::{self, Head, Heads};
use crate::proof;
use crate::sealed;

const SNAPSHOT: &str = "snapshot.json";
const MARKS: &str = "marks.json";
const LOCK_TRIES: u32 = 5;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// The log in one directory.
#[derive(Debug)]
pub(crate) struct FileLog {
    dir: PathBuf,
    /// Held for as long as this lives: one writer.
    lock: Option<fs::File>,
    /// The hash of the last record in the snapshot, and where the log behind it begins.
    base: Head,
    /// `None` until the tail was read, and after an error.
    end: Option<End>,
}

/// Where the next record goes.
#[derive(Debug)]
struct End {
    log: fs::File,
    heads: Heads,
    head: Head,
}

impl FileLog {
    /// The log in `dir`, not opened yet.
    #[must_use]
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), lock: None, base: Head { count: 0, hash: sealed::GENESIS }, end: None }
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join(format!("log-{}.jsonl", self.base.count))
    }

    /// Makes the directory, for its owner only, and takes its lock.
    fn take(&mut self) -> Result<(), LedgerError> {
        if self.lock.is_some() {
            return Ok(());
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        made.map_err(io("create the directory of the hand-over log"))?;
        let lock = fs::File::create(self.dir.join("lock")).map_err(io("open the lock of the hand-over log"))?;
        // A child process that is being started holds all our locks until it becomes its own program.
        for _ in 0..LOCK_TRIES {
            match lock.file().try_lock() {
                Ok(()) => {
                    self.lock = Some(lock);
                    return Ok(());
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
                Err(TryLockError::Error(error)) => return Err(io("lock the hand-over log")(error)),
            }
        }
        Err(LedgerError::InUse(self.dir.clone()))
    }

    /// A sealed JSON file; `None` when there is none or it is damaged, and then a line says so.
    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, LedgerError> {
        let path = self.dir.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read beside the hand-over log")(error)),
        };
        let value = sealed::open(&bytes).and_then(|payload| serde_json::from_slice(payload).ok());
        if value.is_none() {
            tracing::error!(path = %path.display(), "a file of the hand-over log is damaged");
        }
        Ok(value)
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), LedgerError> {
        let bytes = sealed::seal(&serde_json::to_vec(value)?);
        files::replace(&self.dir.join(name), &bytes).map_err(io("write beside the hand-over log"))
    }

    /// Begins an empty log behind `base` and forgets those before.
    fn begin_log(&mut self, base: Head) -> Result<(), LedgerError> {
        let beginning = io("begin a new hand-over log");
        self.base = base;
        let path = self.log_path();
        let log = fs::File::create(&path).map_err(&beginning)?;
        log.sync_all().map_err(&beginning)?;
        for entry in fs::read_dir(&self.dir).map_err(&beginning)? {
            let other = entry.map_err(&beginning)?;
            if other.path() != path && other.file_name().to_string_lossy().starts_with("log-") {
                fs::remove_file(other.path()).map_err(&beginning)?;
            }
        }
        files::sync_dir(&self.dir).map_err(&beginning)?;
        let heads = Heads::open(&self.dir).map_err(&beginning)?;
        self.end = Some(End { log, heads, head: base });
        Ok(())
    }

    /// Puts what is there under a name of its own, without needing space for it.
    fn set_aside(&self) -> io::Result<PathBuf> {
        let free = |number: &u32| !self.dir.join(format!("damaged-{number}")).try_exists().unwrap_or(true);
        let number = (1..u32::MAX).find(free).unwrap_or_default();
        let aside = self.dir.join(format!("damaged-{number}"));
        DirBuilder::new().mode(0o700).create(&aside)?;
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            // The heads are overwritten in place elsewhere, but here they are replaced: a link keeps the old ones.
            if entry.file_type()?.is_file() && entry.file_name() != "lock" {
                fs::hard_link(entry.path(), aside.join(entry.file_name()))?;
            }
        }
        Ok(aside)
    }

    fn append_to_end(end: &mut End, line: &[u8], hash: Hash) -> io::Result<()> {
        end.log.write_all(line)?;
        end.log.sync_data()?;
        let head = Head { count: end.head.count + 1, hash };
        end.heads.write(&head)?;
        end.head = head;
        Ok(())
    }
}

impl ControlStore for FileLog {
    fn reopen(&mut self) -> Result<Stored, LedgerError> {
        self.end = None;
        self.take()?;
        let snapshot: Option<(Hex, Snapshot)> = self.read(SNAPSHOT)?;
        self.base = Head { count: 0, hash: sealed::GENESIS };
        if let Some((Hex(hash), snapshot)) = &snapshot {
            self.base = Head { count: snapshot.next_seq, hash: *hash };
        }
        let snapshot = snapshot.map(|(_, snapshot)| snapshot);
        Ok(Stored { snapshot, marks: self.read(MARKS)? })
    }

    fn tail(&mut self) -> Result<Tail, LedgerError> {
        let reading = io("read the hand-over log");
        let bytes = match fs::read(self.log_path()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(reading(error)),
        };
        let newest = heads::newest(&self.dir).map_err(&reading)?;
        let snapshot_lost = self.base.count == 0 && self.dir.join(SNAPSHOT).try_exists().map_err(&reading)?;
        let found = proof::prove(self.base, &bytes, newest, snapshot_lost);
        if found.tail.damage.is_some() {
            return Ok(found.tail);
        }
        let opening = io("open the hand-over log for writing");
        let mut log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).map_err(&opening)?;
        if found.whole_bytes < bytes.len() as u64 {
            tracing::warn!(dir = %self.dir.display(), "an unfinished record at the end of the hand-over log is cut off");
            log.set_len(found.whole_bytes).map_err(&opening)?;
        }
        log.flush().and_then(|()| log.sync_all()).map_err(&opening)?;
        if newest != Some(found.head) {
            heads::replace(&self.dir, &found.head).map_err(&opening)?;
        }
        let heads = Heads::open(&self.dir).map_err(&opening)?;
        self.end = Some(End { log, heads, head: found.head });
        Ok(found.tail)
    }

    fn append(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let end = self.end.as_mut().ok_or(LedgerError::LogUnavailable)?;
        if entry.seq != end.head.count {
            return Err(LedgerError::Conflict { expected: entry.seq, found: end.head.count });
        }
        let (line, hash) = sealed::line(&end.head.hash, &serde_json::to_vec(entry)?);
        let appended = Self::append_to_end(end, &line, hash);
        appended.inspect_err(|_| self.end = None).map_err(io("write the hand-over log"))
    }

    fn keep_marks(&mut self, marks: &Marks) -> Result<(), LedgerError> {
        self.write(MARKS, marks)
    }

    fn compact(&mut self, snapshot: &Snapshot) -> Result<(), LedgerError> {
        let end = self.end.take().ok_or(LedgerError::LogUnavailable)?;
        self.write(SNAPSHOT, &(Hex(end.head.hash), snapshot))?;
        self.begin_log(end.head)
    }

    fn begin_anew(&mut self, snapshot: &Snapshot, marks: &Marks) -> Result<(), LedgerError> {
        let aside = self.set_aside().map_err(io("set the damaged hand-over log aside"))?;
        tracing::error!(kept = %aside.display(), "damaged hand-over log set aside");
        // Heads above what is there mean damage to whoever comes after a crash; the snapshot ends that.
        let base = Head { count: snapshot.next_seq, hash: sealed::GENESIS };
        self.keep_marks(marks)?;
        heads::replace(&self.dir, &base).map_err(io("write the heads of the hand-over log"))?;
        self.write(SNAPSHOT, &(Hex(base.hash), snapshot))?;
        self.begin_log(base)
    }
}

/// A hash as JSON text.
struct Hex(Hash);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_hex())
    }
}

impl<'de> serde::Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Hash::from_hex(text).map(Self).map_err(serde::de::Error::custom)
    }
}
