//! How busy the proxy is, measured: requests a second over the last window.

use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds that are remembered.
const SECONDS: u64 = 600;
/// A bucket holds its second above these bits and the count below.
const COUNT_BITS: u32 = 24;

/// Requests begun in each of the last seconds. Counting is one atomic operation.
#[derive(Debug)]
pub struct Activity {
    buckets: Vec<AtomicU64>,
}

impl Default for Activity {
    fn default() -> Self {
        Self { buckets: (0..SECONDS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Activity {
    /// Counts a request begun at `now_s` (Unix seconds).
    pub fn begin(&self, now_s: u64) {
        if let Some(bucket) = self.bucket(now_s) {
            // A bucket left from an earlier round starts again at one.
            let next = |packed: u64| if packed >> COUNT_BITS == now_s { packed + 1 } else { (now_s << COUNT_BITS) | 1 };
            bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| Some(next(packed))).ok();
        }
    }

    /// Mean requests a second over the `window_s` whole seconds before `now_s`.
    #[must_use]
    pub fn requests_per_s(&self, now_s: u64, window_s: u64) -> f64 {
        let window_s = window_s.clamp(1, SECONDS - 1);
        let total: u64 = (1..=window_s).map(|back| self.count(now_s.saturating_sub(back))).sum();
        #[expect(clippy::cast_precision_loss, reason = "request counts")]
        let mean = total as f64 / window_s as f64;
        mean
    }

    /// Requests a second of the last moments: this second and the one before it.
    #[must_use]
    pub fn recent_per_s(&self, now_ms: u64) -> f64 {
        let (now_s, into_ms) = (now_ms / 1000, now_ms % 1000);
        let count = self.count(now_s) + self.count(now_s.saturating_sub(1));
        #[expect(clippy::cast_precision_loss, reason = "request counts and a second's milliseconds")]
        let rate = count as f64 * 1000.0 / (1000 + into_ms) as f64;
        rate
    }

    fn count(&self, second: u64) -> u64 {
        let packed = self.bucket(second).map_or(0, |bucket| bucket.load(Ordering::Relaxed));
        if packed >> COUNT_BITS == second { packed & ((1 << COUNT_BITS) - 1) } else { 0 }
    }

    fn bucket(&self, second: u64) -> Option<&AtomicU64> {
        usize::try_from(second % SECONDS).ok().and_then(|at| self.buckets.get(at))
    }
}
