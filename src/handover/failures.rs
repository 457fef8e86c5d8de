//! How often a student has failed to answer, in a row. Not evidence and not in the log: after a restart the
//! count begins anew.

use std::collections::BTreeMap;

use callsite::VersionId;

/// Failures in a row of each of a site's versions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failures {
    counts: BTreeMap<VersionId, u32>,
    failing: BTreeMap<VersionId, u64>,
}

impl Failures {
    /// Counts a failure at `at_ms`; from the `failures_max`-th in a row on the version is failing.
    pub fn failed(&mut self, version: &VersionId, failures_max: u32, at_ms: u64) {
        let count = self.counts.entry(version.clone()).or_default();
        *count = count.saturating_add(1);
        if *count >= failures_max {
            self.failing.entry(version.clone()).or_insert(at_ms);
        }
    }

    /// Any answer ends the row. A version that is failing already stays so: its switch is on the way.
    pub fn answered(&mut self, version: &VersionId) {
        self.counts.remove(version);
    }

    #[must_use]
    pub fn is_failing(&self, version: &VersionId) -> bool {
        self.failing.contains_key(version)
    }

    /// When the first of the failing versions began to fail (Unix time).
    #[must_use]
    pub fn since_ms(&self) -> Option<u64> {
        self.failing.values().min().copied()
    }

    /// Forgets everything, after the switches that it called for.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
