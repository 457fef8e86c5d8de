//! The teacher that cannot be reached, as an operator hears of it: every failure is counted, and a line is logged now and then, not for each.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use teacher::Circuit;
use wire::error::ApiError;

use crate::Gateway;

/// Milliseconds between two lines.
const SAID_EVERY_MS: u64 = 10_000;

/// What was said, and what has happened since.
#[derive(Debug, Default)]
pub struct Outages {
    said_at_ms: AtomicU64,
    unsaid: AtomicU64,
    /// The circuit was found open.
    open: AtomicBool,
}

/// The teacher answered.
pub(crate) fn over(gateway: &Gateway) {
    let open = &gateway.outages.open;
    if open.load(Ordering::Relaxed) && open.swap(false, Ordering::Relaxed) {
        gateway.metrics.teacher_circuit_open().set(0.0);
        tracing::info!("the teacher answers again");
    }
}

/// Counts `error`, if the way to the teacher is at fault.
pub(crate) fn count(gateway: &Gateway, error: &ApiError) {
    let (true, Some(cause)) = (error.is_upstream(), error.code) else { return };
    gateway.metrics.teacher_failures_total(cause).inc();
    let Outages { said_at_ms, unsaid, open } = &gateway.outages;
    if gateway.endpoint.breaker().circuit() != Circuit::Closed {
        open.store(true, Ordering::Relaxed);
        gateway.metrics.teacher_circuit_open().set(1.0);
    }
    let (now_ms, said) = ((gateway.clock)(), said_at_ms.load(Ordering::Relaxed));
    let failures = unsaid.fetch_add(1, Ordering::Relaxed) + 1;
    // Of several threads one says it.
    let is_due = now_ms.saturating_sub(said) >= SAID_EVERY_MS;
    if is_due && said_at_ms.compare_exchange(said, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        unsaid.store(0, Ordering::Relaxed);
        tracing::warn!(error = error.message, failures, "requests got no answer from the teacher");
    }
}
