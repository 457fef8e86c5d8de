//! The call sites in memory. Knows nothing of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use callsite::SiteId;
use handover::{Failures, Site};
use parking_lot::{Mutex, RwLock};

/// Call sites that are kept apart; requests of further ones are forwarded like those of `default`.
pub const SITES_MAX: usize = 256;

/// One call site and what is known of it beyond the log.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) site: Site,
    pub(crate) failures: Failures,
    /// A person's hold, rollback or discard waits for its turn to be written: the teacher answers already.
    pub(crate) stopping: u32,
    /// The least time that was seen since a drift; a clock that was ahead then must not make all later exchanges stale.
    pub(crate) now_min_ms: Option<u64>,
}

impl Live {
    /// What the teacher said before this moment is stale; never in the future.
    pub(crate) fn stale_before_ms(&self) -> Option<u64> {
        let stale = self.site.stale_before_ms?;
        Some(self.now_min_ms.map_or(stale, |now| stale.min(now)))
    }

    /// Learns that it is `now_ms`.
    pub(crate) fn tick(&mut self, now_ms: u64) {
        let ahead = self.stale_before_ms().filter(|stale| now_ms < *stale);
        self.now_min_ms = ahead.map(|_| now_ms).or(self.now_min_ms);
    }

    /// Takes the state that the log replays to.
    pub(crate) fn replace(&mut self, site: Site) {
        self.site = site;
        self.now_min_ms = None;
    }
}

pub(crate) type Slot = Arc<Mutex<Live>>;

/// All call sites, by name.
#[derive(Debug, Default)]
pub(crate) struct Table(RwLock<BTreeMap<SiteId, Slot>>);

impl Table {
    pub(crate) fn get(&self, site: &SiteId) -> Option<Slot> {
        self.0.read().get(site).cloned()
    }

    /// The site, made if need be; `None` past the cap.
    pub(crate) fn get_or_insert(&self, site: &SiteId) -> Option<Slot> {
        self.get(site).or_else(|| {
            let mut sites = self.0.write();
            let free = sites.len() < SITES_MAX || sites.contains_key(site);
            free.then(|| sites.entry(site.clone()).or_default().clone())
        })
    }

    pub(crate) fn all(&self) -> Vec<(SiteId, Slot)> {
        self.0.read().iter().map(|(name, slot)| (name.clone(), slot.clone())).collect()
    }

    /// Puts every site to what the log replays to; those it does not know begin anew.
    pub(crate) fn install(&self, mut replayed: BTreeMap<SiteId, Site>) {
        let mut sites = self.0.write();
        for name in replayed.keys() {
            sites.entry(name.clone()).or_default();
        }
        for (name, slot) in sites.iter() {
            slot.lock().replace(replayed.remove(name).unwrap_or_default());
        }
    }
}
