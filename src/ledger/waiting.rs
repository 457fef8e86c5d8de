//! Names that ask for a place among the sites that are kept apart, counted in bounded memory.

use std::collections::BTreeMap;

use callsite::SiteId;

/// Names that are counted at a time.
const WAITING_MAX: usize = 1_024;

/// Names without a place, and what has become of them.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) names: BTreeMap<SiteId, u32>,
    pub(crate) replaced: usize,
    /// Requests of names without a place since that was said.
    pub(crate) refused: u64,
    pub(crate) last_refused: Option<SiteId>,
    pub(crate) halved_ms: u64,
    pub(crate) said_ms: u64,
}

impl Waiting {
    /// Counts a request of `site` and says how many there were. Of too many names the rare ones are forgotten.
    pub(crate) fn count(&mut self, site: &SiteId) -> u32 {
        if self.names.len() >= WAITING_MAX && !self.names.contains_key(site) {
            self.halve();
        }
        let count = self.names.entry(site.clone()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    pub(crate) fn halve(&mut self) {
        self.names.retain(|_, count| {
            *count /= 2;
            *count > 0
        });
    }
}
