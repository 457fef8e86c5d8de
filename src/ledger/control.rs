//! What the ledger asks of the place where its log is kept. One place on disk is [`crate::FileLog`]; a test or
//! a cluster may have another. Says nothing about what records mean.

use std::collections::{BTreeMap, BTreeSet};

use callsite::{SiteId, VersionId};
use handover::{Entry, Site, State};
use serde::{Deserialize, Serialize};

use crate::LedgerError;

/// The state that all entries before `next_seq` replay to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) next_seq: u64,
    pub(crate) sites: BTreeMap<SiteId, Site>,
    /// The newest entries, oldest first, for who wants to read them.
    pub(crate) recent: Vec<Entry>,
}

/// What must outlive a damaged log, kept apart from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Marks {
    pub(crate) held: BTreeSet<SiteId>,
    /// Trials begun: a share of the error budget is never spent twice.
    pub(crate) trials: BTreeMap<SiteId, u32>,
    pub(crate) discarded: BTreeMap<SiteId, Vec<VersionId>>,
}

impl Marks {
    /// Notes how `site` stands.
    pub(crate) fn set(&mut self, name: &SiteId, site: &Site) {
        self.held.remove(name);
        if site.state == State::Held {
            self.held.insert(name.clone());
        }
        if site.trials > 0 {
            self.trials.insert(name.clone(), site.trials);
        }
        if !site.discarded.is_empty() {
            self.discarded.insert(name.clone(), site.discarded.clone());
        }
    }
}

/// What lies beside the log.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// `None` when none was made yet or it is damaged; the tail tells.
    pub(crate) snapshot: Option<Snapshot>,
    /// `None` when they cannot be read.
    pub(crate) marks: Option<Marks>,
}

/// The log behind the snapshot.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    /// Whole, in order, without a gap.
    pub(crate) entries: Vec<Entry>,
    pub(crate) damage: Option<Damage>,
}

/// Entries are missing from here on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Damage {
    /// The first entry that is not wholly there.
    pub(crate) seq: u64,
    /// Above every number that was ever given.
    pub(crate) next_seq: u64,
    pub(crate) what: String,
    /// Sites that the unproven rest still names.
    pub(crate) sites: BTreeSet<SiteId>,
}

/// An append-only log of records with a snapshot and marks beside it. Every method blocks; after an error
/// nothing is known of what was kept, and only `reopen` may follow.
pub(crate) trait ControlStore: Send {
    /// Opens, or opens again, and reads what lies beside the log.
    ///
    /// # Errors
    /// [`LedgerError::InUse`] when another process has it open; [`LedgerError::Io`].
    fn reopen(&mut self) -> Result<Stored, LedgerError>;

    /// Reads and proves the entries behind the snapshot; without damage `append` may follow.
    ///
    /// # Errors
    /// [`LedgerError::Io`]; damage is no error.
    fn tail(&mut self) -> Result<Tail, LedgerError>;

    /// Appends and syncs `entry`, whose `seq` is what the writer expects to be next.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when it is not, and nothing was written then; [`LedgerError::Io`].
    fn append(&mut self, entry: &Entry) -> Result<(), LedgerError>;

    /// Replaces the marks.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    fn keep_marks(&mut self, marks: &Marks) -> Result<(), LedgerError>;

    /// Puts the snapshot in the place of all entries before its `next_seq`.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    fn compact(&mut self, snapshot: &Snapshot) -> Result<(), LedgerError>;

    /// Sets everything that is damaged aside and goes on from `snapshot`; a crash on the way leaves damage.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    fn begin_anew(&mut self, snapshot: &Snapshot, marks: &Marks) -> Result<(), LedgerError>;
}
