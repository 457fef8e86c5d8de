//! Bodies that came a moment ago: asked again by a script or a player who clicks twice, they are no new evidence.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use callsite::SiteId;
use parking_lot::Mutex;

/// Bodies of one window that are remembered; further ones are taken for new.
const BODIES_MAX: usize = 32_768;

/// Hashes of the bodies of the last window or two.
#[derive(Debug)]
pub struct Repeats {
    window_ms: u64,
    keyed: RandomState,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    began_ms: u64,
    now: HashMap<u64, u64>,
    before: HashMap<u64, u64>,
}

impl Repeats {
    /// A body is a repeat within `window_ms`; 0 and none is.
    #[must_use]
    pub fn new(window_ms: u64) -> Self {
        Self { window_ms, keyed: RandomState::new(), seen: Mutex::default() }
    }

    /// Whether `site` was sent this body a moment ago.
    pub(crate) fn is_repeat(&self, site: &SiteId, body: &[u8], now_ms: u64) -> bool {
        if self.window_ms == 0 {
            return false;
        }
        // Keyed by chance: nobody can send two bodies that look like one.
        let key = self.keyed.hash_one((site.as_str(), body));
        let mut seen = self.seen.lock();
        if now_ms.abs_diff(seen.began_ms) >= self.window_ms {
            seen.began_ms = now_ms;
            seen.before = std::mem::take(&mut seen.now);
        }
        let last_ms = seen.now.get(&key).or_else(|| seen.before.get(&key)).copied();
        if seen.now.len() < BODIES_MAX || seen.now.contains_key(&key) {
            seen.now.insert(key, now_ms);
        }
        last_ms.is_some_and(|last_ms| now_ms.abs_diff(last_ms) < self.window_ms)
    }

    /// Bodies that are remembered.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        let seen = self.seen.lock();
        seen.now.len() + seen.before.len()
    }
}
