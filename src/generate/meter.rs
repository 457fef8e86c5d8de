//! What a run has done so far, for whoever shows it: counters that many tasks add to.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Counters of a run.
#[derive(Debug, Default)]
pub struct Meter {
    stage: Mutex<String>,
    planned: AtomicU64,
    done: AtomicU64,
    paid: AtomicU64,
    replayed: AtomicU64,
    failed: AtomicU64,
    kept: AtomicU64,
    dropped: AtomicU64,
    spent_microdollars: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub stage: String,
    /// Calls of this stage that are known of, and those that have an answer.
    pub planned: u64,
    pub done: u64,
    /// Calls of the whole run: asked and paid now, answered from the journal, without an answer.
    pub paid: u64,
    pub replayed: u64,
    pub failed: u64,
    pub kept: u64,
    pub dropped: u64,
    pub spent_usd: f64,
}

impl Meter {
    /// A stage begins with `planned` calls.
    pub fn stage(&self, name: &str, planned: u64) {
        name.clone_into(&mut self.stage.lock());
        self.planned.store(planned, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
    }

    pub fn kept(&self, count: u64) {
        self.kept.fetch_add(count, Ordering::Relaxed);
    }

    pub fn dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn replayed(&self, answered: bool) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.replayed.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(u64::from(!answered), Ordering::Relaxed);
    }

    pub(crate) fn paid(&self, answered: bool, spent_usd: f64) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.paid.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(u64::from(!answered), Ordering::Relaxed);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "dollars are not negative")]
        self.spent_microdollars.store((spent_usd * 1e6).round() as u64, Ordering::Relaxed);
    }

    #[must_use]
    pub fn read(&self) -> Reading {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "money")]
        let spent_usd = of(&self.spent_microdollars) as f64 / 1e6;
        Reading {
            stage: self.stage.lock().clone(),
            planned: of(&self.planned),
            done: of(&self.done),
            paid: of(&self.paid),
            replayed: of(&self.replayed),
            failed: of(&self.failed),
            kept: of(&self.kept),
            dropped: of(&self.dropped),
            spent_usd,
        }
    }
}
