use std::thread;
use std::time::{Duration, Instant};

mod audits;
mod client;
mod failures;
mod guard;
mod leaving;
mod legs;
mod lost;
mod measuring;
mod order;
mod routes;
mod students;
mod teacher;
mod world;

use crate::activity::Activity;

/// How long a test waits for anything.
const DEADLINE: Duration = Duration::from_secs(20);

/// Looks again and again until `holds`.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn activity_is_the_mean_over_the_window_and_forgets() {
    let activity = Activity::default();
    (0..30).for_each(|n| activity.begin(1000 + n % 3));
    assert!((activity.requests_per_s(1003, 3) - 10.0).abs() < 1e-9);
    assert!((activity.requests_per_s(1003, 30) - 1.0).abs() < 1e-9);
    // The same buckets, ten minutes later.
    assert!(activity.requests_per_s(1603, 3).abs() < 1e-9);
}
