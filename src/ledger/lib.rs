//! The live hand-over state of every call site, and the append-only log it is replayed from.
//!
//! A record is written and synced before it takes effect, so what the proxy does after a crash is what
//! it did before. Planning a request only reads memory. Time and dice are arguments.

mod control;
mod error;
mod view;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use handover::{Audit, Candidate, Dice, Plan, Policy, Record, Site, State, Steer, Switch};
use telemetry::Metrics;

pub use control::{ControlStore, Entry, SledControl};
pub use error::LedgerError;
pub use view::SiteView;

/// Call sites that are kept apart; requests of further ones are forwarded like those of `default`.
pub const SITES_MAX: usize = 256;

/// Which policy holds for a site.
pub type PolicyOf = Box<dyn Fn(&str) -> Policy + Send + Sync>;

struct Slot {
    site: Mutex<Site>,
    policy: Policy,
}

/// All call sites.
pub struct Ledger {
    store: Box<dyn ControlStore>,
    /// Taken while a record is written and applied, so that the log's order is the order of effects.
    writing: Mutex<()>,
    sites: RwLock<BTreeMap<String, Arc<Slot>>>,
    policy_of: PolicyOf,
    metrics: Arc<Metrics>,
}

impl Ledger {
    /// Replays the log.
    ///
    /// # Errors
    /// When the log cannot be read or a due switch cannot be written.
    pub fn open(store: Box<dyn ControlStore>, policy_of: PolicyOf, metrics: Arc<Metrics>) -> Result<Self, LedgerError> {
        let ledger = Self { store, writing: Mutex::new(()), sites: RwLock::default(), policy_of, metrics };
        let mut touched = Vec::new();
        ledger.store.scan(None, &mut |entry| {
            if let Some(slot) = ledger.slot(&entry.site) {
                lock(&slot.site).apply(entry.at_ms, &entry.record, &slot.policy);
                touched.push((entry.site, entry.at_ms));
            }
        })?;
        let last: BTreeMap<String, u64> = touched.into_iter().collect();
        for (site, at_ms) in last {
            // A crash may have fallen between an audit and the switch that it made due.
            ledger.settle(&site, at_ms)?;
            ledger.publish(&site);
        }
        Ok(ledger)
    }

    /// Opens the log kept in `dir`.
    ///
    /// # Errors
    /// As [`Ledger::open`], and when `dir` is in use.
    pub fn open_dir(dir: &Path, policy_of: PolicyOf, metrics: Arc<Metrics>) -> Result<Self, LedgerError> {
        Self::open(Box::new(SledControl::open(dir)?), policy_of, metrics)
    }

    /// Plans the next request of `site`; unknown sites and those past the cap go to the teacher.
    #[must_use]
    pub fn plan(&self, site: &str, dice: Dice) -> Plan {
        match self.slot(site) {
            Some(slot) => lock(&slot.site).plan(&slot.policy, dice),
            None => Plan::teacher("too-many-sites"),
        }
    }

    /// Whether `site` may have a state of its own.
    #[must_use]
    pub fn admits(&self, site: &str) -> bool {
        self.slot(site).is_some()
    }

    /// Records an audit and makes the switch that it calls for.
    ///
    /// # Errors
    /// When the record cannot be written; nothing has changed then.
    pub fn audit(&self, site: &str, at_ms: u64, audit: Audit) -> Result<(), LedgerError> {
        self.write(site, at_ms, Record::Audit(audit))
    }

    /// Puts a version on trial.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn candidate(&self, site: &str, at_ms: u64, candidate: Candidate) -> Result<(), LedgerError> {
        self.write(site, at_ms, Record::Candidate(candidate))
    }

    /// Notes a version that failed its exam.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn failed_exam(&self, site: &str, at_ms: u64, version: String, exam: f64) -> Result<(), LedgerError> {
        self.write(site, at_ms, Record::Failed { version, exam })
    }

    /// Counts a student that gave no answer; too many in a row send the site back to the teacher.
    ///
    /// # Errors
    /// When the switch cannot be written.
    pub fn student_failed(&self, site: &str, at_ms: u64) -> Result<(), LedgerError> {
        let Some(slot) = self.slot(site) else { return Ok(()) };
        let due = lock(&slot.site).failed(&slot.policy);
        due.map_or(Ok(()), |switch| self.write(site, at_ms, Record::Switch(switch)))
    }

    /// Follows a person's wish; it holds from the next request on and survives a restart.
    ///
    /// # Errors
    /// [`LedgerError::Steer`] when traffic would move without evidence; otherwise when it cannot be written.
    pub fn steer(&self, site: &str, at_ms: u64, steer: &Steer, reason: Option<String>) -> Result<Switch, LedgerError> {
        let slot = self.known(site)?;
        let switch = lock(&slot.site).steer(steer, reason, &slot.policy)?;
        self.write(site, at_ms, Record::Switch(switch.clone()))?;
        Ok(switch)
    }

    /// How every site stands, by name.
    #[must_use]
    pub fn views(&self) -> Vec<SiteView> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.iter().map(|(name, slot)| SiteView::of(name, &lock(&slot.site), &slot.policy)).collect()
    }

    /// How one site stands.
    ///
    /// # Errors
    /// [`LedgerError::UnknownSite`].
    pub fn view(&self, site: &str) -> Result<SiteView, LedgerError> {
        let slot = self.known(site)?;
        let view = SiteView::of(site, &lock(&slot.site), &slot.policy);
        Ok(view)
    }

    /// The last `limit` entries of the log, newest last; of one site or of all.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn entries(&self, site: Option<&str>, limit: usize) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = std::collections::VecDeque::new();
        self.store.scan(None, &mut |entry| {
            if site.is_none_or(|site| site == entry.site) {
                entries.push_back(entry);
                if entries.len() > limit {
                    entries.pop_front();
                }
            }
        })?;
        Ok(entries.into())
    }

    fn write(&self, site: &str, at_ms: u64, record: Record) -> Result<(), LedgerError> {
        let _order = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.append(site, at_ms, record)?;
        self.settle(site, at_ms)?;
        self.publish(site);
        Ok(())
    }

    /// Writes, then applies.
    fn append(&self, site: &str, at_ms: u64, record: Record) -> Result<(), LedgerError> {
        let slot = self.known(site)?;
        self.store.append(site, at_ms, &record)?;
        lock(&slot.site).apply(at_ms, &record, &slot.policy);
        if let Record::Switch(switch) = &record {
            self.count(site, switch);
        }
        Ok(())
    }

    /// Makes the switches that the evidence calls for; each leads closer to a state where none is due.
    fn settle(&self, site: &str, at_ms: u64) -> Result<(), LedgerError> {
        let slot = self.known(site)?;
        for _ in 0..=slot.policy.canary.len() + 2 {
            let due = lock(&slot.site).due(&slot.policy);
            match due {
                Some(switch) => self.append(site, at_ms, Record::Switch(switch))?,
                None => break,
            }
        }
        Ok(())
    }

    fn slot(&self, site: &str) -> Option<Arc<Slot>> {
        if let Some(slot) = self.sites.read().unwrap_or_else(PoisonError::into_inner).get(site) {
            return Some(slot.clone());
        }
        let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
        if sites.len() >= SITES_MAX && !sites.contains_key(site) {
            return None;
        }
        let new = || Arc::new(Slot { site: Mutex::default(), policy: (self.policy_of)(site) });
        Some(sites.entry(site.to_owned()).or_insert_with(new).clone())
    }

    fn known(&self, site: &str) -> Result<Arc<Slot>, LedgerError> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.get(site).cloned().ok_or_else(|| LedgerError::UnknownSite(site.to_owned()))
    }

    fn count(&self, site: &str, switch: &Switch) {
        let labels = [site, switch.from.label(), switch.to.label(), switch.cause.label()];
        self.metrics.switches.with_label_values(&labels).inc();
        let was_serving = matches!(switch.from, State::Canary | State::Student);
        if was_serving && matches!(switch.to, State::Teacher | State::Held) {
            self.metrics.rollbacks.with_label_values(&[site, switch.cause.label()]).inc();
        }
        tracing::info!(
            site,
            from = switch.from.label(),
            to = switch.to.label(),
            cause = switch.cause.label(),
            version = switch.version.as_deref(),
            audits = switch.audits,
            "call site switched"
        );
    }

    /// Brings the gauges of `site` up to date.
    fn publish(&self, site: &str) {
        if let Ok(view) = self.view(site) {
            view.publish(&self.metrics);
        }
    }
}

fn lock(site: &Mutex<Site>) -> MutexGuard<'_, Site> {
    site.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
