use crate::activity::Activity;

#[test]
fn activity_is_the_mean_over_the_window_and_forgets() {
    let activity = Activity::default();
    (0..30).for_each(|n| activity.begin(1000 + n % 3));
    assert!((activity.requests_per_s(1003, 3) - 10.0).abs() < 1e-9);
    assert!((activity.requests_per_s(1003, 30) - 1.0).abs() < 1e-9);
    // The same buckets, ten minutes later.
    assert!(activity.requests_per_s(1603, 3).abs() < 1e-9);
}
