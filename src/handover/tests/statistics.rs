use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::drift::Drift;
use crate::promotion::Promotion;
use crate::risk::RiskGate;

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "found {found}, expected {expected}");
}

fn promotion(qualities: &[f64]) -> Promotion {
    let mut promotion = Promotion::default();
    qualities.iter().for_each(|quality| promotion.observe(*quality));
    promotion
}

#[test]
fn the_promotion_capital_equals_the_golden_vector() {
    let mut qualities = vec![1.0; 10];
    near(promotion(&qualities).log_capital(0.9), 0.584384);
    qualities.push(0.0);
    near(promotion(&qualities).log_capital(0.9), -0.310301);
    qualities.extend([1.0; 20]);
    near(promotion(&qualities).log_capital(0.9), 0.692736);
}

#[test]
fn forty_three_good_audits_and_no_fewer_prove_nine_tenths() {
    assert!(promotion(&[1.0; 42]).lower_bound(0.05) < 0.9);
    assert!(promotion(&[1.0; 43]).lower_bound(0.05) >= 0.9);
}

#[test]
fn the_drift_statistic_equals_the_golden_vector() {
    let mut drift = Drift::default();
    let expected = [0.71, 1.2705, 7.056025, 33.701356, 183.682333, 1129.42091, 7469.728306];
    for (quality, expected) in [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0].into_iter().zip(expected) {
        drift.observe(quality, 0.9);
        near(drift.log_statistic().exp(), expected);
    }
}

#[test]
fn a_long_healthy_streak_does_not_blind_the_drift_detector() {
    let mut drift = Drift::default();
    (0..1_000_000).for_each(|_| drift.observe(1.0, 0.87));
    assert!(drift.log_statistic().is_finite());
    (0..12).for_each(|_| drift.observe(0.0, 0.87));
    assert!(drift.log_statistic() > 10_000f64.ln(), "{}", drift.log_statistic());
}

fn coin(rng: &mut impl Rng, probability: f64) -> f64 {
    f64::from(u8::from(rng.random::<f64>() < probability))
}

#[test]
fn a_student_at_the_border_is_promoted_no_more_often_than_alpha() {
    let mut promoted = 0u32;
    for seed in 0..400 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut promotion = Promotion::default();
        promoted += u32::from((0..1500).any(|_| {
            promotion.observe(coin(&mut rng, 0.9));
            promotion.log_capital(0.9) >= -0.05f64.ln()
        }));
    }
    // 3 sigma above 0.05 * 400.
    assert!(promoted <= 33, "{promoted} of 400");
}

#[test]
fn a_good_student_is_promoted_about_as_fast_as_computed() {
    let mut audits: Vec<usize> = (0..200)
        .map(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut promotion = Promotion::default();
            let stop = (1..3000).find(|_| {
                promotion.observe(coin(&mut rng, 0.99));
                promotion.log_capital(0.9) >= -0.05f64.ln()
            });
            stop.unwrap_or(3000)
        })
        .collect();
    audits.sort_unstable();
    assert!((40..=50).contains(&audits[100]), "median {}", audits[100]);
}

#[test]
fn a_healthy_student_rarely_trips_the_drift_detector() {
    let alarms = (0..20).filter(|seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(*seed);
        let mut drift = Drift::default();
        (0..5000).any(|_| {
            drift.observe(coin(&mut rng, 0.95), 0.87);
            drift.log_statistic() >= 10_000f64.ln()
        })
    });
    assert!(alarms.count() <= 1);
}

#[test]
fn an_unsafe_threshold_is_proven_no_more_often_than_delta() {
    // The student is right with probability equal to its confidence: below the safe threshold the risk exceeds alpha.
    let grid: Vec<f64> = (0..20).map(|step| f64::from(step) / 20.0).collect();
    let risk = |tau: f64| (1.0 - tau).powi(2) / 2.0;
    let mut unsafe_runs = 0u32;
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut gate = RiskGate::new(&grid);
        unsafe_runs += u32::from((0..2000).any(|_| {
            let confidence = rng.random::<f64>();
            gate.observe(confidence, true, rng.random::<f64>() >= confidence, 0.05, 0.10);
            gate.threshold().is_some_and(|tau| risk(tau) > 0.05)
        }));
    }
    assert!(unsafe_runs <= 32, "{unsafe_runs} of 200 runs");
}

#[test]
fn the_gate_opens_with_evidence_and_never_past_an_unproven_stricter_level() {
    let mut gate = RiskGate::new(&[0.9, 0.5, 0.0]);
    assert_eq!(gate.threshold(), None);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..600 {
        let confidence = rng.random::<f64>();
        gate.observe(confidence, true, confidence < 0.5 && rng.random::<bool>(), 0.05, 0.10);
    }
    assert_eq!(gate.threshold(), Some(0.5));
    assert!((0.45..0.55).contains(&gate.coverage()), "{}", gate.coverage());
}

#[test]
fn a_threshold_is_proven_after_as_many_good_audits_as_the_formula_says_and_no_fewer() {
    // The least n with mean over (0.15, 0.35, 0.6, 0.8) of (1 + b / 0.95 * 0.05)^n >= 10.
    let mut gate = RiskGate::new(&[0.5]);
    (1..77).for_each(|_| gate.observe(0.9, true, false, 0.05, 0.10));
    assert_eq!(gate.threshold(), None);
    gate.observe(0.9, true, false, 0.05, 0.10);
    assert_eq!(gate.threshold(), Some(0.5));
}

#[test]
fn the_mean_is_that_of_the_audited_qualities() {
    near(promotion(&[0.5, 0.5, 0.25, 1.0, 0.0]).mean().unwrap(), 0.45);
    assert_eq!(promotion(&[]).mean(), None);
}
