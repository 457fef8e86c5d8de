//! Bounds against tests/oracle/statistics.py and against their own definition.

use crate::{alpha_eff, clopper_pearson_lower};

#[test]
fn the_lower_bound_equals_the_papers() {
    for (successes, trials, expected) in [
        (100, 100, 0.970486950),
        (95, 100, 0.897746622),
        (47, 50, 0.852162824),
        (40, 50, 0.684403939),
        (1, 10, 0.005116197),
        (50, 120, 0.340679870),
    ] {
        let found = clopper_pearson_lower(successes, trials, 0.05);
        assert!((found - expected).abs() < 1e-9, "{successes} of {trials}: {found}");
    }
    let all = clopper_pearson_lower(100, 100, 0.05);
    assert!((all - 0.05_f64.powf(0.01)).abs() < 1e-12, "{all}");
    assert_eq!((clopper_pearson_lower(0, 10, 0.05), clopper_pearson_lower(0, 0, 0.05)), (0.0, 0.0));
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

#[test]
fn an_insensitive_judge_leaves_less_of_the_error_budget() {
    assert!((alpha_eff(0.10, clopper_pearson_lower(95, 100, 0.05)) - 0.0897746622).abs() < 1e-9);
    assert_eq!((alpha_eff(0.1, 1.5), alpha_eff(0.1, -1.0)), (0.1, 0.0));
}
