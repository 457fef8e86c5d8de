//! What a segment holds of each site, without reading it.

use std::collections::BTreeMap;

use callsite::SiteId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::block::Header;

/// What is held of one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteSummary {
    pub exchanges: u64,
    /// Of their texts.
    pub raw_bytes: u64,
    /// As they are stored.
    pub stored_bytes: u64,
    /// Smallest and largest id; they hold their times.
    pub first: Uuid,
    pub last: Uuid,
}

impl SiteSummary {
    /// Unix milliseconds of the oldest and the newest exchange.
    #[must_use]
    pub fn times_ms(&self) -> (u64, u64) {
        (id_time_ms(self.first), id_time_ms(self.last))
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.exchanges += other.exchanges;
        self.raw_bytes += other.raw_bytes;
        self.stored_bytes += other.stored_bytes;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// By site.
pub type Sites = BTreeMap<SiteId, SiteSummary>;

/// Adds `of_site` to what `sites` says of `site`.
pub(crate) fn add(sites: &mut Sites, site: &SiteId, of_site: &SiteSummary) {
    match sites.get_mut(site) {
        Some(summary) => summary.merge(of_site),
        None => drop(sites.insert(site.clone(), *of_site)),
    }
}

impl From<&Header> for SiteSummary {
    fn from(header: &Header) -> Self {
        Self {
            exchanges: u64::from(header.count),
            raw_bytes: u64::from(header.raw_bytes),
            stored_bytes: header.payload_bytes() as u64,
            first: header.first,
            last: header.last,
        }
    }
}

/// The Unix milliseconds that an exchange's id begins with (RFC 9562, version 7).
#[must_use]
pub fn id_time_ms(id: Uuid) -> u64 {
    (id.as_u128() >> 80) as u64
}
