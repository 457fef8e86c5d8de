//! The call sites in memory. Knows nothing of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use callsite::SiteId;
use handover::{Health, Record, Site};
use parking_lot::{Mutex, RwLock};

/// Call sites that are kept apart, configured ones not counted; requests of further ones are forwarded like those of
/// `default`.
pub const SITES_MAX: usize = 1_000;

/// One call site and what is known of it beyond the log.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// Replaced whole by the one writer, so that who reads it, a request above all, waits for no statistics.
    pub(crate) site: Arc<Site>,
    pub(crate) health: Health,
    /// Something was recorded since the gauges were last brought up to date.
    pub(crate) unpublished: bool,
    /// A person's hold, rollback or discard waits for its turn to be written: the teacher answers already.
    pub(crate) stopping: u32,
    /// Requests, the older ones forgotten by and by.
    pub(crate) requests: u32,
    /// By the last `flush`.
    now_ms: u64,
    /// A moment of drift that lay ahead of the clock, and the least time that was seen since.
    clamped: Option<(u64, u64)>,
}

/// A site as it stood at one moment.
#[derive(Clone, Debug)]
pub(crate) struct SeenSite {
    pub(crate) site: Arc<Site>,
    pub(crate) stale_before_ms: Option<u64>,
    pub(crate) now_ms: u64,
    pub(crate) health: Health,
}

impl Live {
    /// What a view is made from, without holding up who plans.
    pub(crate) fn seen(&self) -> SeenSite {
        SeenSite {
            site: self.site.clone(),
            stale_before_ms: self.stale_before_ms(),
            now_ms: self.now_ms,
            health: self.health.clone(),
        }
    }

    /// Applies a record in place.
    pub(crate) fn apply(&mut self, at_ms: u64, record: &Record) {
        Arc::make_mut(&mut self.site).apply(at_ms, record);
    }

    /// What the teacher said before this moment is stale. A clock that was ahead when drift was found must not
    /// make all later exchanges stale.
    pub(crate) fn stale_before_ms(&self) -> Option<u64> {
        let stale = self.site.stale_before_ms?;
        let clamped = self.clamped.filter(|(of, _)| *of == stale);
        Some(clamped.map_or(stale, |(_, least)| least))
    }

    /// Whether nothing was ever recorded of it.
    pub(crate) fn is_bare(&self) -> bool {
        self.stopping == 0 && *self.site == Site::default()
    }

    /// Learns that it is `now_ms`.
    pub(crate) fn tick(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        if self.stale_before_ms().is_some_and(|stale| now_ms < stale) {
            self.clamped = self.site.stale_before_ms.map(|stale| (stale, now_ms));
        }
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

    /// The site, made if there is a free place or `past_cap`.
    pub(crate) fn get_or_insert(&self, site: &SiteId, past_cap: bool) -> Option<Slot> {
        self.get(site).or_else(|| {
            let mut sites = self.0.write();
            let free = past_cap || sites.len() < SITES_MAX || sites.contains_key(site);
            free.then(|| sites.entry(site.clone()).or_default().clone())
        })
    }

    /// Puts `site` in the place of the one with the fewest requests that has nothing to lose, where that has fewer than
    /// `requests`. Nothing may be recorded meanwhile.
    pub(crate) fn replace(&self, site: &SiteId, requests: u32, keeps: impl Fn(&SiteId) -> bool) -> Option<Slot> {
        let mut sites = self.0.write();
        let bare = sites.iter().filter(|(name, _)| !keeps(name)).filter_map(|(name, slot)| {
            let live = slot.lock();
            (live.is_bare() && live.requests < requests).then(|| (live.requests, name.clone()))
        });
        let (_, idle) = bare.min()?;
        sites.remove(&idle);
        Some(sites.entry(site.clone()).or_default().clone())
    }

    /// Forgets a site that has nothing to lose; says whether it is gone.
    pub(crate) fn forget(&self, site: &SiteId) -> bool {
        let mut sites = self.0.write();
        let bare = sites.get(site).is_none_or(|slot| slot.lock().is_bare());
        if bare {
            sites.remove(site);
        }
        bare
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
            slot.lock().site = Arc::new(replayed.remove(name).unwrap_or_default());
        }
    }
}
