//! Numbers that cannot work.

use crate::Policy;
use crate::policy::step;

#[test]
fn a_policy_that_cannot_work_says_so_with_key_value_and_range() {
    assert!(Policy::default().problems().is_empty());
    type Change = fn(&mut Policy);
    let bad: [(Change, &str); 30] = [
        (|p| p.quality_min = 0.0, "quality_min = 0"),
        (|p| p.quality_min = 1.0, "quality_min = 1"),
        (|p| p.quality_floor = 0.95, "quality_floor = 0.95 must not exceed quality_min = 0.9"),
        (|p| p.quality_floor = 0.0, "quality_floor = 0"),
        (|p| p.promote_alpha = 0.0, "promote_alpha = 0"),
        (|p| p.promote_alpha = f64::NAN, "promote_alpha = NaN"),
        (|p| p.risk_alpha = 1.0, "risk_alpha = 1"),
        (|p| p.risk_delta = -0.1, "risk_delta = -0.1"),
        (|p| p.bad_below = -3.0, "bad_below = -3 must lie in (0, 1]"),
        (|p| p.bad_below = 0.0, "bad_below = 0"),
        (|p| p.bad_below = 1.5, "bad_below = 1.5"),
        (|p| p.drift_audits = -1.0, "drift_audits = -1 must be a number above 1"),
        (|p| p.drift_audits = 0.0, "drift_audits = 0"),
        (|p| p.drift_audits = 1.0, "drift_audits = 1"),
        (|p| p.drift_audits = f64::NAN, "drift_audits = NaN"),
        (|p| p.drift_audits = f64::INFINITY, "drift_audits = inf"),
        (|p| p.audit_share_shadow = 0.0, "audit_share_shadow = 0"),
        (|p| p.audit_share_serving = 1.1, "audit_share_serving = 1.1 must lie in (0, 1]"),
        (|p| p.coverage_min = 7.0, "coverage_min = 7 must lie in [0, 1]"),
        (|p| p.coverage_min = -0.1, "coverage_min = -0.1"),
        (|p| p.exam_min = 9.0, "exam_min = 9"),
        (|p| p.exam_min = 2.0, "exam_min = 2"),
        (|p| p.failures_max = 0, "failures_max = 0 must be at least 1"),
        (|p| p.canary[0].share = 0.0, "canary[0].share = 0"),
        (|p| p.canary[0].share = 0.5, "canary[1].share = 0.5 must lie in (0.5, 1]"),
        (|p| p.canary[1].share = 0.1, "canary[1].share = 0.1 must lie in (0.1, 1]"),
        (|p| p.canary[1].share = 1.1, "canary[1].share = 1.1"),
        (|p| p.canary[1].share = f64::NAN, "canary[1].share = NaN"),
        (|p| p.canary[0].audits = 0, "canary[0].audits = 0 must be at least 1"),
        (|p| p.canary.push(step(0.4, 1)), "canary[2].share = 0.4"),
    ];
    for (change, expected) in bad {
        let mut policy = Policy::default();
        change(&mut policy);
        let problems = policy.problems();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
    }
}

#[test]
fn the_ends_of_the_ranges_that_belong_to_them_are_allowed() {
    let mut policy = Policy { bad_below: 1.0, coverage_min: 0.0, exam_min: 0.0, ..Policy::default() };
    (policy.audit_share_shadow, policy.audit_share_serving, policy.quality_floor) = (1.0, 1.0, 0.9);
    policy.canary = vec![step(1.0, 1)];
    assert_eq!(policy.problems(), Vec::<String>::new());
    (policy.coverage_min, policy.exam_min, policy.canary) = (1.0, 1.0, Vec::new());
    assert_eq!(policy.problems(), Vec::<String>::new());
}

#[test]
fn the_shares_of_the_error_budget_sum_to_it() {
    let shares: f64 = (1..100_000).map(|number| Policy::share_of(0.05, number)).sum();
    assert!((shares - 0.05).abs() < 1e-6, "{shares}");
    assert!((Policy::share_of(0.05, 1) / Policy::share_of(0.05, 3) - 9.0).abs() < 1e-9);
}
