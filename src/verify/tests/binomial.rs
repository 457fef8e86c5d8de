//! Bounds against exact fractions (tests/oracle/statistics.py and logistic.py) and against their own definition.

use crate::clopper_pearson_lower;

#[test]
fn the_lower_bound_equals_the_papers() {
    for (successes, trials, expected) in [
        (100, 100, 0.970_486_950),
        (95, 100, 0.897_746_622),
        (90, 100, 0.836_282_377),
        (47, 50, 0.852_162_824),
        (40, 50, 0.684_403_939),
        (12, 12, 0.779_077_808),
        (10, 12, 0.561_894_565),
        (1, 10, 0.005_116_197),
        (1, 5, 0.010_206_218),
        (5, 5, 0.549_280_272),
        (50, 120, 0.340_679_870),
    ] {
        let found = clopper_pearson_lower(successes, trials, 0.05);
        assert!((found - expected).abs() < 1e-9, "{successes} of {trials}: {found}");
    }
    let all = clopper_pearson_lower(100, 100, 0.05);
    assert!((all - 0.05_f64.powf(0.01)).abs() < 1e-12, "{all}");
    let none = [(0, 10), (0, 0), (3, 0)].map(|(successes, trials)| clopper_pearson_lower(successes, trials, 0.05));
    assert_eq!(none, [0.0; 3]);
}

#[test]
fn the_lower_bound_stays_below_the_share_and_nears_it_with_more_cases() {
    let mut before = 0.0;
    for trials in [10, 100, 1000, 20_000] {
        let bound = clopper_pearson_lower(trials * 9 / 10, trials, 0.05);
        assert!(bound > before && bound < 0.9, "{trials}: {bound}");
        before = bound;
    }
    assert!(before > 0.895, "{before}");
}
