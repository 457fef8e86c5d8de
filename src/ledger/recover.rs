//! Opening the log, at start and after a failure: replay, proof, damage, what waits to be written.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use callsite::SiteId;
use handover::{Entry, Record, Site};
use rules::LiveRules;
use telemetry::Metrics;

use crate::LedgerError;
use crate::control::{ControlStore, Damage, Marks, Snapshot, Stored};
use crate::file_log::FileLog;
use crate::ledger::{Ledger, RECENT_MAX, Writer};

/// Milliseconds until a log that failed is tried again: doubled up to the longest.
const RETRY_MS: u64 = 1_000;
const RETRY_MS_MAX: u64 = 30_000;

impl Ledger {
    /// Opens the log kept in `dir` and replays it. A log that cannot be opened still gives a ledger: every site
    /// is with the teacher until `flush` has opened it.
    ///
    /// # Errors
    /// Only [`LedgerError::InUse`].
    pub fn open_dir(dir: &Path, rules: LiveRules, metrics: Arc<Metrics>, now_ms: u64) -> Result<Self, LedgerError> {
        Self::open(Box::new(FileLog::new(dir)), rules, metrics, now_ms)
    }

    /// As [`Ledger::open_dir`], with another place for the log.
    ///
    /// # Errors
    /// As [`Ledger::open_dir`].
    pub(crate) fn open(
        store: Box<dyn ControlStore>,
        rules: LiveRules,
        metrics: Arc<Metrics>,
        now_ms: u64,
    ) -> Result<Self, LedgerError> {
        let ledger = Self::with_store(store, rules, metrics);
        let mut writer = ledger.writer.lock();
        match ledger.reopen(&mut writer, now_ms) {
            Err(error @ LedgerError::InUse(_)) => return Err(error),
            Err(error) => ledger.postpone(&mut writer, now_ms, &error),
            Ok(()) => {}
        }
        drop(writer);
        Ok(ledger)
    }

    /// Writes what took effect in memory first, and opens a log that failed again. Call it often, from a thread
    /// that may block on the disk.
    pub fn flush(&self, now_ms: u64) {
        self.keep_places(now_ms);
        let mut writer = self.writer.lock();
        for (_, slot) in self.table.all() {
            slot.lock().tick(now_ms);
        }
        if !self.is_available() {
            let early = now_ms < writer.retry_at_ms && writer.retry_at_ms - now_ms <= RETRY_MS_MAX;
            if early {
                return;
            }
            if let Err(error) = self.reopen(&mut writer, now_ms) {
                self.postpone(&mut writer, now_ms, &error);
                return;
            }
        }
        for (site, slot) in self.table.all() {
            let due =
                self.demote_failing(&mut writer, &site).and_then(|()| self.settle_in_time(&mut writer, &site, now_ms));
            if let Err(error) = due {
                self.postpone(&mut writer, now_ms, &error);
                return;
            }
            if std::mem::take(&mut slot.lock().unpublished) {
                self.publish(&site);
            }
        }
    }

    /// Makes the switches that only time has held up.
    fn settle_in_time(&self, writer: &mut Writer, site: &SiteId, now_ms: u64) -> Result<(), LedgerError> {
        let standing = self.known(site)?.lock().site.clone();
        if standing.live().any(|trial| trial.step.is_some()) { self.settle(writer, site, now_ms) } else { Ok(()) }
    }

    /// Holds every site's evidence to the rules in force now. Blocks on the disk.
    ///
    /// # Errors
    /// When a record cannot be written.
    pub fn rules_changed(&self, now_ms: u64) -> Result<(), LedgerError> {
        let mut writer = self.writer.lock();
        self.table.all().iter().try_for_each(|(site, _)| self.apply_rules(&mut writer, site, now_ms))
    }

    fn postpone(&self, writer: &mut Writer, now_ms: u64, error: &LedgerError) {
        // Reading the log has put the sites to what is written: what is not stays in force.
        for asked in &writer.pending {
            if let Some(slot) = self.table.get(&asked.site) {
                slot.lock().apply(asked.at_ms, &Record::Switch(asked.switch.clone()));
            }
        }
        self.lost_log(writer, error);
        writer.retry_after_ms = (writer.retry_after_ms * 2).clamp(RETRY_MS, RETRY_MS_MAX);
        writer.retry_at_ms = now_ms.saturating_add(writer.retry_after_ms);
    }

    /// Reads the log, puts every site to what it says, and does what waits.
    fn reopen(&self, writer: &mut Writer, now_ms: u64) -> Result<(), LedgerError> {
        let Stored { snapshot, marks } = writer.store.reopen()?;
        let tail = writer.store.tail()?;
        let Snapshot { next_seq, mut sites, mut recent } = snapshot.unwrap_or_default();
        for entry in &tail.entries {
            sites.entry(entry.site.clone()).or_default().apply(entry.at_ms, &entry.record);
        }
        writer.next_seq = next_seq + tail.entries.len() as u64;
        writer.uncompacted = tail.entries.len();
        recent.extend(tail.entries);
        if let Some(damage) = &tail.damage {
            self.metrics.handover_log_damaged_total().inc();
            tracing::error!(
                seq = damage.seq,
                what = damage.what,
                "the hand-over log is damaged: every call site is with the teacher, its evidence void, holds kept"
            );
            let lost = self.void(&mut sites, damage, marks.as_ref(), now_ms);
            writer.next_seq = damage.next_seq + lost.len() as u64;
            writer.uncompacted = 0;
            recent.extend(lost);
        }
        for name in marks.iter().flat_map(|marks| &marks.held) {
            sites.entry(name.clone()).or_default();
        }
        self.install(sites, recent);
        if tail.damage.is_some() {
            writer.store.begin_anew(&self.snapshot(writer.next_seq), &self.marks())?;
        } else if marks.is_none() {
            writer.store.keep_marks(&self.marks())?;
        }
        (writer.loaded, writer.usable) = (true, true);
        self.catch_up(writer, &marks.unwrap_or_default(), now_ms)?;
        writer.retry_after_ms = 0;
        self.available.store(true, Ordering::Release);
        self.metrics.handover_log_unavailable().set(0.0);
        self.publish_all();
        Ok(())
    }

    fn install(&self, sites: BTreeMap<SiteId, Site>, mut recent: Vec<Entry>) {
        self.table.install(sites);
        recent.drain(..recent.len().saturating_sub(RECENT_MAX));
        *self.recent.lock() = recent.into();
    }

    /// Takes every site's evidence away: any of it may be less than what was decided on. Holds, discarded versions
    /// and spent shares of the error budget are kept apart and stay; without them every known site is held.
    fn void(
        &self,
        sites: &mut BTreeMap<SiteId, Site>,
        damage: &Damage,
        marks: Option<&Marks>,
        now_ms: u64,
    ) -> Vec<Entry> {
        let registered = self.table.all().into_iter().map(|(name, _)| name);
        let marked =
            marks.iter().flat_map(|marks| marks.held.iter().chain(marks.trials.keys()).chain(marks.discarded.keys()));
        for name in damage.sites.iter().chain(marked).cloned().chain(registered) {
            sites.entry(name).or_default();
        }
        let mut lost = Vec::new();
        for ((name, site), seq) in sites.iter_mut().zip(damage.next_seq..) {
            if let Some(marks) = marks {
                site.trials = site.trials.max(marks.trials.get(name).copied().unwrap_or_default());
                for version in marks.discarded.get(name).into_iter().flatten() {
                    site.discard(version);
                }
            }
            let held = marks.is_none_or(|marks| marks.held.contains(name));
            let switch = site.after_damage(held, format!("record {} of the log: {}", damage.seq, damage.what));
            self.count(name, &switch);
            let record = Record::Switch(switch);
            site.apply(now_ms, &record);
            lost.push(Entry { seq, at_ms: now_ms, site: name.clone(), record });
        }
        lost
    }

    /// What a crash or a failed write has left undone.
    fn catch_up(&self, writer: &mut Writer, marks: &Marks, now_ms: u64) -> Result<(), LedgerError> {
        for name in &marks.held {
            let slot = self.known(name)?;
            let hold = slot.lock().site.unfinished_release();
            if let Some(switch) = hold {
                self.commit(writer, name, now_ms, Record::Switch(switch))?;
            }
        }
        while let Some(asked) = writer.pending.first() {
            let (site, at_ms, slot) = (asked.site.clone(), asked.at_ms, self.known(&asked.site)?);
            let standing = slot.lock().site.clone();
            let today = self.rules.of(&asked.site);
            let decided =
                standing.operate(at_ms, &today.policy, &asked.action, asked.reason.clone(), asked.actor.clone());
            let was_written = standing.last_switch.as_ref() == Some(&asked.switch);
            match decided {
                _ if was_written => {}
                Ok(switch) => self.commit(writer, &site, at_ms, Record::Switch(switch))?,
                Err(error) => tracing::error!(%site, %error, "an operator's action cannot be followed any more"),
            }
            writer.pending.remove(0);
        }
        self.table.all().iter().try_for_each(|(site, _)| self.apply_rules(writer, site, now_ms))
    }
}
