//! The one way in which a record comes into force: under the one writing lock, on disk, then in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use callsite::SiteId;
use handover::{Entry, OperatorAction, Record, Role, Site, State, Switch};
use parking_lot::Mutex;
use rules::LiveRules;
use telemetry::Metrics;

use crate::LedgerError;
use crate::control::{ControlStore, Marks, Snapshot};
use crate::table::{Slot, Table};
use crate::view::SiteView;
use crate::waiting::Waiting;

/// Entries that can be read back, and entries between two snapshots.
pub(crate) const RECENT_MAX: usize = 10_000;
/// More switches than one record can make due.
const SWITCHES_MAX: usize = 12;

/// All call sites.
pub struct Ledger {
    /// Everything that changes a site is decided while this is held.
    pub(crate) writer: Mutex<Writer>,
    pub(crate) table: Table,
    pub(crate) waiting: Mutex<Waiting>,
    /// The newest entries, oldest first.
    pub(crate) recent: Mutex<VecDeque<Entry>>,
    /// Whether requests may be planned by what the log says.
    pub(crate) available: AtomicBool,
    pub(crate) rules: LiveRules,
    pub(crate) metrics: Arc<Metrics>,
}

/// What only the one writer touches.
pub(crate) struct Writer {
    pub(crate) store: Box<dyn ControlStore>,
    pub(crate) next_seq: u64,
    /// Entries since the last snapshot.
    pub(crate) uncompacted: usize,
    /// Whether a record may be written: the log was read and nothing has failed since.
    pub(crate) usable: bool,
    /// Whether the log was ever read: before that nobody knows what a site's state is.
    pub(crate) loaded: bool,
    /// What persons asked for while it could not be written, in order.
    pub(crate) pending: Vec<Pending>,
    /// When the log is tried again, and how long after that (milliseconds).
    pub(crate) retry_at_ms: u64,
    pub(crate) retry_after_ms: u64,
}

/// An action that is in force and not on disk.
pub(crate) struct Pending {
    pub(crate) site: SiteId,
    pub(crate) at_ms: u64,
    pub(crate) action: OperatorAction,
    pub(crate) reason: Option<String>,
    pub(crate) actor: Option<String>,
    /// What it came to in memory; found in the log again, it was written after all.
    pub(crate) switch: Switch,
}

impl Ledger {
    pub(crate) fn with_store(store: Box<dyn ControlStore>, rules: LiveRules, metrics: Arc<Metrics>) -> Self {
        let writer = Writer {
            store,
            next_seq: 0,
            uncompacted: 0,
            usable: false,
            loaded: false,
            pending: Vec::new(),
            retry_at_ms: 0,
            retry_after_ms: 0,
        };
        Self {
            writer: Mutex::new(writer),
            table: Table::default(),
            waiting: Mutex::default(),
            recent: Mutex::default(),
            available: AtomicBool::new(false),
            rules,
            metrics,
        }
    }

    pub(crate) fn is_available(&self) -> bool {
        self.available.load(Ordering::Acquire)
    }

    pub(crate) fn known(&self, site: &SiteId) -> Result<Slot, LedgerError> {
        self.table.get(site).ok_or_else(|| LedgerError::UnknownSite(site.clone()))
    }

    /// Writes, then applies. After an error nothing has taken effect, but for a release that is held again when
    /// the log is next read, and every site is with the teacher; after [`LedgerError::Unreadable`] they stay as they are.
    pub(crate) fn commit(
        &self,
        writer: &mut Writer,
        site: &SiteId,
        at_ms: u64,
        record: Record,
    ) -> Result<(), LedgerError> {
        if !writer.usable {
            return Err(LedgerError::LogUnavailable);
        }
        let slot = self.known(site)?;
        let entry = Entry { seq: writer.next_seq, at_ms, site: site.clone(), record };
        if !reads_back(&entry) {
            return Err(LedgerError::Unreadable);
        }
        let record = &entry.record;
        // The marks name a hold before the log does and a release after it: in between the site is held.
        let marks =
            (matches!(record, Record::Candidate(_) | Record::Switch(_))).then(|| self.marks_with(site, at_ms, record));
        let release =
            matches!(record, Record::Switch(switch) if switch.from == State::Held && switch.to != State::Held);
        if let Some(marks) = marks.as_ref().filter(|_| !release) {
            let kept = writer.store.keep_marks(marks);
            kept.inspect_err(|error| self.lost_log(writer, error))?;
        }
        let appended = writer.store.append(&entry);
        appended.inspect_err(|error| self.lost_log(writer, error))?;
        writer.next_seq += 1;
        writer.uncompacted += 1;
        let mut after = Site::clone(&slot.lock().site.clone());
        after.apply(at_ms, &entry.record);
        slot.lock().site = Arc::new(after);
        if let Record::Switch(switch) = &entry.record {
            self.count(site, switch);
        }
        self.remember(entry);
        if let Some(marks) = marks.filter(|_| release) {
            let kept = writer.store.keep_marks(&marks);
            kept.inspect_err(|error| self.lost_log(writer, error))?;
        }
        if writer.uncompacted >= RECENT_MAX {
            match writer.store.compact(&self.snapshot(writer.next_seq)) {
                Ok(()) => writer.uncompacted = 0,
                // The record is on disk and in force.
                Err(error) => self.lost_log(writer, &error),
            }
        }
        Ok(())
    }

    /// Makes the switches that the evidence calls for.
    pub(crate) fn settle(&self, writer: &mut Writer, site: &SiteId, at_ms: u64) -> Result<(), LedgerError> {
        let slot = self.known(site)?;
        let today = self.rules.of(site);
        let mut switched = false;
        for _ in 0..SWITCHES_MAX {
            let (standing, health) = {
                let live = slot.lock();
                (live.site.clone(), live.health.clone())
            };
            let Some(switch) = standing.due(at_ms, &today.policy, &health) else { break };
            self.commit(writer, site, at_ms, Record::Switch(switch))?;
            switched = true;
        }
        // The bounds cost more than the rest of an audit together: `flush` brings them up to date.
        if switched {
            self.publish(site);
        }
        slot.lock().unpublished = !switched;
        Ok(())
    }

    /// Makes the switches that failures or slow answers call for, and those that follow.
    pub(crate) fn demote_failing(&self, writer: &mut Writer, site: &SiteId) -> Result<(), LedgerError> {
        let slot = self.known(site)?;
        let Some(since_ms) = slot.lock().health.since_ms() else { return Ok(()) };
        for _ in 0..SWITCHES_MAX {
            let due = {
                let live = slot.lock();
                live.site.due_to_health(&live.health)
            };
            let Some(switch) = due else { break };
            self.commit(writer, site, since_ms, Record::Switch(switch))?;
        }
        let mut live = slot.lock();
        let standing = live.site.clone();
        live.health.switched(standing.live());
        drop(live);
        self.settle(writer, site, since_ms)
    }

    /// Holds the evidence of a site to today's rules.
    pub(crate) fn apply_rules(&self, writer: &mut Writer, site: &SiteId, at_ms: u64) -> Result<(), LedgerError> {
        let slot = self.known(site)?;
        let rules = self.rules.of(site);
        for _ in 0..SWITCHES_MAX {
            let standing = slot.lock().site.clone();
            let Some(record) = standing.due_to_rules(&rules.policy, &rules.basis) else { break };
            self.commit(writer, site, at_ms, record)?;
        }
        self.choose_measure(writer, site, at_ms)?;
        self.settle(writer, site, at_ms)
    }

    /// Freezes the measure once an operator has named one or the teacher was asked twice often enough.
    pub(crate) fn choose_measure(&self, writer: &mut Writer, site: &SiteId, at_ms: u64) -> Result<(), LedgerError> {
        let (slot, rules) = (self.known(site)?, self.rules.of(site));
        let standing = slot.lock().site.clone();
        if !standing.wants_repeats(&rules.measure_on) {
            return Ok(());
        }
        let repeats =
            if standing.measuring.on == rules.measure_on { standing.measuring.repeats.as_slice() } else { &[] };
        let Some(choice) = rules.choose(repeats) else { return Ok(()) };
        tracing::info!(%site, measure = choice.measure.label(), why = choice.why, "measure chosen");
        self.commit(writer, site, at_ms, Record::Measure { on: rules.measure_on.clone(), choice })
    }

    /// Nothing is known of what is on disk: the teacher answers everywhere until `flush` has found out.
    pub(crate) fn lost_log(&self, writer: &mut Writer, error: &LedgerError) {
        let was_available = self.available.swap(false, Ordering::AcqRel);
        if was_available || !writer.loaded {
            tracing::error!(%error, "the hand-over log cannot be used: every call site is with the teacher");
        }
        writer.usable = false;
        self.metrics.handover_log_unavailable().set(1.0);
        if was_available {
            self.publish_all();
        }
    }

    /// What must outlive the log, as things stand.
    pub(crate) fn marks(&self) -> Marks {
        let mut marks = Marks::default();
        self.table.all().iter().for_each(|(name, slot)| marks.set(name, &slot.lock().site));
        marks
    }

    /// The same once `record` is in force.
    fn marks_with(&self, site: &SiteId, at_ms: u64, record: &Record) -> Marks {
        let mut marks = self.marks();
        if let Some(slot) = self.table.get(site) {
            let mut after = Site::clone(&slot.lock().site.clone());
            after.apply(at_ms, record);
            marks.set(site, &after);
        }
        marks
    }

    /// Everything that is in force, as of `next_seq`.
    pub(crate) fn snapshot(&self, next_seq: u64) -> Snapshot {
        let blank = Site::default();
        let sites = self.table.all().into_iter().map(|(name, slot)| (name, Site::clone(&slot.lock().site)));
        let sites: BTreeMap<_, _> = sites.filter(|(_, site)| *site != blank).collect();
        Snapshot { next_seq, sites, recent: self.recent.lock().iter().cloned().collect() }
    }

    pub(crate) fn remember(&self, entry: Entry) {
        let mut recent = self.recent.lock();
        recent.push_back(entry);
        if recent.len() > RECENT_MAX {
            recent.pop_front();
        }
    }

    /// Counts and tells a switch.
    pub(crate) fn count(&self, site: &SiteId, switch: &Switch) {
        let (from, to, cause) = (switch.from.label(), switch.to.label(), switch.cause.label());
        self.metrics.handover_transitions_total(site.as_str(), from, to, cause).inc();
        if switch.from.is_serving() && !switch.to.is_serving() {
            self.metrics.rollbacks_total(site.as_str(), cause).inc();
        }
        tracing::info!(
            %site,
            challenger = switch.role == Role::Challenger,
            from = switch.from.label(),
            to = switch.to.label(),
            cause = switch.cause.label(),
            version = switch.version.as_ref().map(tracing::field::display),
            audits = switch.audits,
            reason = switch.reason.as_deref(),
            "call site switched"
        );
    }

    pub(crate) fn publish_all(&self) {
        self.table.all().iter().for_each(|(site, _)| self.publish(site));
    }

    /// Brings the gauges of `site` up to date.
    pub(crate) fn publish(&self, site: &SiteId) {
        if let Ok(slot) = self.known(site) {
            let seen = slot.lock().seen();
            let view = SiteView::of(site, &seen, &self.rules.of(site), self.is_available());
            view.publish(&self.metrics);
        }
    }
}

/// Whether the log would give `entry` back: JSON has no word for what is not a number, and a record that cannot be read
/// voids every site's evidence.
fn reads_back(entry: &Entry) -> bool {
    let written = serde_json::to_vec(entry).and_then(|bytes| serde_json::from_slice::<Entry>(&bytes));
    written.is_ok_and(|written| written == *entry)
}
