use std::thread;
use std::time::{Duration, Instant};

mod audits;
mod client;
mod continued;
mod down;
mod failures;
mod guard;
mod leaving;
mod legs;
mod lost;
mod measuring;
mod meter;
mod order;
mod packed;
mod routes;
mod students;
mod teacher;
mod upgrading;
mod whose;
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
    // Of the last second and this one, as far as it has come.
    assert!((activity.recent_per_s(1_003_000) - 10.0).abs() < 1e-9);
    assert!((activity.recent_per_s(1_002_000) - 20.0).abs() < 1e-9);
    assert!((activity.recent_per_s(1_002_500) - 20.0 / 1.5).abs() < 1e-9);
    assert!(activity.recent_per_s(1_004_000).abs() < 1e-9);
    // The same buckets, ten minutes later.
    assert!(activity.requests_per_s(1603, 3).abs() < 1e-9);
}

#[test]
fn a_body_is_a_repeat_within_the_window_and_memory_is_bounded() {
    use callsite::SiteId;
    let (repeats, site) = (crate::Repeats::new(60_000), SiteId::default_site());
    assert!(!repeats.is_repeat(&site, b"a", 1_000));
    assert!(repeats.is_repeat(&site, b"a", 60_999), "a minute less a moment");
    assert!(repeats.is_repeat(&site, b"a", 120_000), "since it came last");
    assert!(!repeats.is_repeat(&site, b"a", 180_000));
    assert!(!repeats.is_repeat(&site, b"b", 180_000));
    assert!(!repeats.is_repeat(&SiteId::new("inn").unwrap(), b"b", 180_000), "another site's request is another");
    // Whoever sends ever new bodies fills so much and no more.
    for number in 0..200_000_u32 {
        repeats.is_repeat(&site, &number.to_le_bytes(), 180_000);
    }
    assert!(repeats.remembered() <= 2 * 32_768, "{}", repeats.remembered());
    assert!(!crate::Repeats::new(0).is_repeat(&site, b"a", 1) && !crate::Repeats::new(0).is_repeat(&site, b"a", 1));
}
