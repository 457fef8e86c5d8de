//! What the data plane and the lessons say: plans, audits, candidates, failures; and how sites stand.

use callsite::{SiteId, VersionId};
use handover::{Audit, AuditOutcome, Because, Candidate, Dice, Entry, Health, Plan, Policy, Record, State, Trial};

use verify::{Choice, Repeat};

use crate::LedgerError;
use crate::ledger::Ledger;
use crate::view::SiteView;

impl Ledger {
    /// Plans the next request of `site`, which it registers. Reads memory only.
    #[must_use]
    pub fn plan(&self, site: &SiteId, dice: Dice) -> Plan {
        let Some(slot) = self.table.get_or_insert(site, false) else { return Plan::teacher(Because::TooManySites) };
        if !self.is_available() {
            return Plan::teacher(Because::LogUnavailable);
        }
        let rules = self.rules.of(site);
        let live = slot.lock();
        if live.stopping > 0 {
            return Plan::teacher(Because::State(State::Held));
        }
        live.site.plan(&rules.policy, rules.measure_to_choose(), &live.health, dice)
    }

    /// Gives `site` a state of its own and counts a request of it; false when there are too many sites. A configured site
    /// always gets one, another may take the place of one that was asked for less and of which nothing is recorded.
    pub fn register(&self, site: &SiteId) -> bool {
        self.admit(site).is_some()
    }

    /// Forgets a site of which nothing is recorded.
    pub fn forget(&self, site: &SiteId) {
        // Nothing is recorded while this is held.
        let _writer = self.writer.lock();
        if !self.table.forget(site) {
            tracing::debug!(%site, "a call site that has a record stays in the hand-over log");
        }
    }

    /// Whether nothing was ever recorded of `site`.
    #[must_use]
    pub fn is_bare(&self, site: &SiteId) -> bool {
        self.table.get(site).is_none_or(|slot| slot.lock().is_bare())
    }

    /// Whether `site` has a state of its own.
    #[must_use]
    pub fn is_known(&self, site: &SiteId) -> bool {
        self.table.get(site).is_some()
    }

    /// Records an audit and makes the switches that it calls for. An audit without an answer counts as a failure
    /// of the student: do not report it to `student_failed` as well. Blocks on the disk.
    ///
    /// # Errors
    /// When the record or its switch cannot be written; a record that was not written changes nothing.
    pub fn record_audit(&self, site: &SiteId, at_ms: u64, audit: Audit) -> Result<(), LedgerError> {
        let mut writer = self.writer.lock();
        let (version, outcome) = (audit.version.clone(), audit.outcome);
        let before = self.known(site)?.lock().site.incumbent.as_ref().map_or(0, Trial::audits);
        self.commit(&mut writer, site, at_ms, Record::Audit(audit))?;
        if outcome == AuditOutcome::NoAnswer {
            self.student_failed(site, &version, at_ms);
        }
        self.demote_failing(&mut writer, site)?;
        self.settle(&mut writer, site, at_ms)?;
        self.recalibrate(&mut writer, site, at_ms, before)
    }

    /// Puts a version on trial, or lets it wait as the challenger of one that serves. A version that is on trial
    /// already stays as it is. Rules that have changed since the candidate was made hold at once. Blocks on the disk.
    ///
    /// # Errors
    /// [`LedgerError::Discarded`]; otherwise when the record cannot be written.
    pub fn add_candidate(&self, site: &SiteId, at_ms: u64, candidate: Candidate) -> Result<(), LedgerError> {
        let slot = self.known(site)?;
        let mut writer = self.writer.lock();
        let live = slot.lock();
        if live.site.discarded.contains(&candidate.version) {
            return Err(LedgerError::Discarded { site: site.clone(), version: candidate.version });
        }
        let on_trial = live.site.live().any(|trial| *trial.version() == candidate.version);
        drop(live);
        if !on_trial {
            self.commit(&mut writer, site, at_ms, Record::Candidate(candidate))?;
        }
        self.apply_rules(&mut writer, site, at_ms)
    }

    /// Whether a second answer to the prompt with this key would help to choose the measure.
    #[must_use]
    pub fn wants_repeat(&self, site: &SiteId, prompt: u64) -> bool {
        let Some(slot) = self.table.get(site) else { return false };
        let standing = slot.lock().site.clone();
        let on = &self.rules.of(site).measure_on;
        let known = || standing.measuring.repeats.iter().any(|known| known.prompt == prompt);
        standing.wants_repeats(on) && !(standing.measuring.on == *on && known())
    }

    /// Records what asking the teacher twice has shown, and freezes the measure when it was asked often enough. Blocks on
    /// the disk.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn record_repeat(&self, site: &SiteId, at_ms: u64, repeat: Repeat) -> Result<(), LedgerError> {
        let rules = self.rules.of(site);
        let mut writer = self.writer.lock();
        if !self.wants_repeat(site, repeat.prompt) {
            return Ok(());
        }
        self.commit(&mut writer, site, at_ms, Record::Repeat { on: rules.measure_on.clone(), repeat })?;
        self.choose_measure(&mut writer, site, at_ms)?;
        self.settle(&mut writer, site, at_ms)
    }

    /// What the answers of `site` are measured by, if that is chosen.
    #[must_use]
    pub fn measure(&self, site: &SiteId) -> Option<Choice> {
        let on = &self.rules.of(site).measure_on;
        let standing = self.table.get(site)?.lock().site.clone();
        standing.measuring.choice.clone().filter(|_| standing.measuring.on == *on)
    }

    /// Notes a version that failed its exam. Blocks on the disk.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn record_failed_exam(
        &self,
        site: &SiteId,
        at_ms: u64,
        version: VersionId,
        exam: f64,
    ) -> Result<(), LedgerError> {
        self.commit(&mut self.writer.lock(), site, at_ms, Record::FailedExam { version, exam })
    }

    /// Counts a student that gave no answer. Too many in a row, or beyond the error budget, send the site back to the
    /// teacher at once; the record follows with the next `flush`. Touches no disk.
    pub fn student_failed(&self, site: &SiteId, version: &VersionId, at_ms: u64) {
        self.attempted(site, version, |health, policy| health.failed(version, policy, at_ms));
    }

    /// Counts an answer of the student's that took `latency_ms`; it ends a row of failures. One too many that was slow
    /// sends the site back to the teacher likewise. Touches no disk.
    pub fn student_answered(&self, site: &SiteId, version: &VersionId, latency_ms: u64, at_ms: u64) {
        self.attempted(site, version, |health, policy| health.answered(version, policy, latency_ms, at_ms));
    }

    fn attempted(&self, site: &SiteId, version: &VersionId, count: impl FnOnce(&mut Health, &Policy)) {
        let Some(slot) = self.table.get(site) else { return };
        let rules = self.rules.of(site);
        let mut live = slot.lock();
        if live.site.live().any(|trial| trial.version() == version) {
            count(&mut live.health, &rules.policy);
            live.unpublished = true;
        }
    }

    /// How every site stands, by name.
    #[must_use]
    pub fn views(&self) -> Vec<SiteView> {
        let sites = self.table.all();
        sites.iter().filter_map(|(name, _)| self.view(name).ok()).collect()
    }

    /// How one site stands.
    ///
    /// # Errors
    /// [`LedgerError::UnknownSite`].
    pub fn view(&self, site: &SiteId) -> Result<SiteView, LedgerError> {
        let slot = self.known(site)?;
        let rules = self.rules.of(site);
        let seen = slot.lock().seen();
        Ok(SiteView::of(site, &seen, &rules, self.is_available()))
    }

    /// The newest `limit` entries, newest first; of one site or of all, and only those before number
    /// `before_seq`. Of older ones than the newest 10,000 of all sites only the effect is kept. Reads memory only.
    #[must_use]
    pub fn entries(&self, site: Option<&SiteId>, before_seq: Option<u64>, limit: usize) -> Vec<Entry> {
        let recent = self.recent.lock();
        let before = |entry: &&Entry| before_seq.is_none_or(|before| entry.seq < before);
        let of_site = |entry: &&Entry| site.is_none_or(|site| *site == entry.site);
        recent.iter().rev().filter(before).filter(of_site).take(limit).cloned().collect()
    }
}
