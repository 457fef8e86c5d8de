//! Waiting for something to become true, never for time to pass.

use std::time::{Duration, Instant};

/// How long a condition may take to come true on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(5);

/// What `probe` finds once it finds something.
///
/// # Panics
/// When it finds nothing before [`DEADLINE`]; the message says `what` was waited for.
pub fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, what, probe)
}

/// As [`eventually`], with a deadline of its own.
///
/// # Panics
/// When `probe` finds nothing before `deadline`.
pub fn within<T>(deadline: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(began.elapsed() < deadline, "waited {deadline:?} in vain: {what}");
        std::thread::sleep(EVERY);
    }
}
