//! Who gets a place among the sites that are kept apart. A configured site always does; the others compete: once every
//! place is taken, a name must have been asked for more often than a site of which nothing is recorded.

use callsite::SiteId;

use crate::ledger::Ledger;
use crate::table::Slot;

/// Sites that gave their place away, at most, in one life of the process: each leaves its labels in the metrics.
const REPLACED_MAX: usize = 4_000;
/// What is older than this counts half.
const HALVED_EVERY_MS: u64 = 600_000;
/// How often it is said that names were not admitted.
const SAID_EVERY_MS: u64 = 60_000;

impl Ledger {
    /// A place for `site`, if there is one; counts a request of it.
    pub(crate) fn admit(&self, site: &SiteId) -> Option<Slot> {
        let configured = |site: &SiteId| self.rules.snapshot().is_configured(site);
        let known = self.table.get(site);
        let slot = known.or_else(|| self.table.get_or_insert(site, configured(site))).or_else(|| {
            let mut waiting = self.waiting.lock();
            let requests = waiting.count(site);
            // A look at every site, so not at every request.
            let asks = requests > 1 && requests.is_power_of_two() && waiting.replaced < REPLACED_MAX;
            // Nothing is recorded while this is held.
            let writer = asks.then(|| self.writer.try_lock()).flatten();
            let slot = writer.and_then(|_| self.table.replace(site, requests, configured));
            if slot.is_some() {
                waiting.replaced += 1;
                waiting.names.remove(site);
            } else {
                waiting.refused += 1;
                waiting.last_refused = Some(site.clone());
                self.metrics.sites_not_admitted_total().inc();
            }
            slot
        })?;
        let mut live = slot.lock();
        live.requests = live.requests.saturating_add(1);
        drop(live);
        Some(slot)
    }

    /// Lets old requests fade, and says now and then what was not admitted.
    pub(crate) fn keep_places(&self, now_ms: u64) {
        let mut waiting = self.waiting.lock();
        if now_ms.abs_diff(waiting.halved_ms) >= HALVED_EVERY_MS {
            waiting.halved_ms = now_ms;
            waiting.halve();
            self.table.all().iter().for_each(|(_, slot)| slot.lock().requests /= 2);
        }
        if waiting.refused > 0 && now_ms.abs_diff(waiting.said_ms) >= SAID_EVERY_MS {
            waiting.said_ms = now_ms;
            let (requests, last) = (std::mem::take(&mut waiting.refused), waiting.last_refused.take());
            let (last, places) = (last.map(String::from), crate::table::SITES_MAX);
            tracing::warn!(
                requests,
                last,
                places,
                "requests of call sites without a place: the teacher answers, nothing is kept apart"
            );
        }
    }
}
