use wire::Signals;

use crate::reliability::ReliabilityRow;
use crate::{Calibration, Features, Reliability};

fn fit(pairs: &[(Signals, bool)]) -> Option<Calibration> {
    let pairs: Vec<_> = pairs.iter().map(|(signals, good)| (Features::of(signals), *good)).collect();
    Calibration::fit(&pairs)
}

/// The pairs of tests/oracle/logistic.py.
fn made(i: u32) -> (Signals, bool) {
    let draw = |k: u32, top: u32| (i * (2 * k + 7) * 37 + i * i * (k + 3)) % top;
    let small = |value: u32| f32::from(u16::try_from(value).unwrap()) / 64.0;
    let minimum = -small(draw(1, 200) + 1);
    let entropy = small(draw(3, 90));
    let signals = Signals {
        tokens: 5 + draw(6, 40),
        mean_logprob: minimum / 4.0,
        min_logprob: minimum,
        q10_logprob: -small(draw(2, 100) + 1),
        mean_entropy: entropy,
        mean_margin: small(64 - draw(4, 50)),
        low_share: small(draw(5, 20)),
    };
    let odds = 1.5 + 1.2 * f64::from(minimum) + 0.5 * f64::from(entropy);
    (signals, f64::from(draw(7, 97)) / 97.0 < 1.0 / (1.0 + (-odds).exp()))
}

fn pairs() -> Vec<(Signals, bool)> {
    (0..240).map(made).collect()
}

/// Printed by tests/oracle/logistic.py.
const WEIGHTS: [f64; 8] = [
    0.680_822_141,
    0.680_822_141,
    0.114_338_570,
    0.306_186_257,
    -0.053_615_348,
    0.080_078_378,
    -0.072_969_139,
    0.125_221_424,
];
const CONFIDENCES: [f64; 3] = [0.896_997_151, 0.349_575_871, 0.790_202_641];

#[test]
fn the_fit_equals_the_golden_numbers() {
    let pairs = pairs();
    let fitted = fit(&pairs).unwrap();
    assert_eq!((fitted.pairs, fitted.good), (240, 125));
    for (found, expected) in fitted.weights().iter().zip(WEIGHTS) {
        assert!((found - expected).abs() < 1e-7, "{found} {expected}");
    }
    for ((signals, _), expected) in pairs.iter().zip(CONFIDENCES) {
        let found = fitted.confidence(signals);
        assert!((found - expected).abs() < 1e-7, "{found} {expected}");
    }
}

#[test]
fn too_few_pairs_of_either_outcome_are_not_fitted() {
    let all = pairs();
    assert!(fit(&all[..99]).is_none());
    assert!(fit(&all[..100]).is_some());
    let with = |bad: usize| -> Vec<(Signals, bool)> {
        all.iter().enumerate().map(|(at, (signals, _))| (*signals, at >= bad)).collect()
    };
    assert!(fit(&with(9)).is_none() && fit(&with(231)).is_none());
    assert!(fit(&with(10)).is_some());
}

#[test]
fn a_signal_that_parts_good_from_bad_parts_their_confidences() {
    // A perfect separation has no finite optimum without the penalty.
    let pairs: Vec<(Signals, bool)> = (0..200_u16)
        .map(|at| {
            let min_logprob = -f32::from(at) / 50.0;
            (Signals { tokens: 9, min_logprob, mean_logprob: min_logprob / 3.0, ..Signals::default() }, at < 120)
        })
        .collect();
    let fitted = fit(&pairs).unwrap();
    let (sure, unsure) = (fitted.confidence(&pairs[0].0), fitted.confidence(&pairs[199].0));
    assert!(sure > 0.9 && unsure < 0.1, "{sure} {unsure}");
    assert!(fitted.weights().iter().all(|weight| weight.is_finite()));
}

#[test]
fn infinite_signals_are_learnt_from_and_never_trusted() {
    let mut with_infinite = pairs();
    for (signals, good) in with_infinite.iter_mut().take(40) {
        signals.min_logprob = f32::NEG_INFINITY;
        signals.mean_logprob = f32::NEG_INFINITY;
        signals.mean_entropy = f32::NAN;
        *good = false;
    }
    let fitted = fit(&with_infinite).unwrap();
    assert!(fitted.weights().iter().all(|weight| weight.is_finite()));
    assert_eq!(fitted.confidence(&with_infinite[0].0), 0.0);
    // What lies beyond the pairs counts as their end.
    let fitted = fit(&pairs()).unwrap();
    let worst = Signals { min_logprob: -3.125, ..made(3).0 };
    let beyond = Signals { min_logprob: -1e30, ..worst };
    assert!((fitted.confidence(&worst) - fitted.confidence(&beyond)).abs() < 1e-12);
}

#[test]
fn a_fitted_model_comes_back_from_json_with_the_same_confidences() {
    let fitted = fit(&pairs()).unwrap();
    let again: Calibration = serde_json::from_str(&serde_json::to_string(&fitted).unwrap()).unwrap();
    assert_eq!(again, fitted);
    assert_eq!(again.confidence(&made(5).0), fitted.confidence(&made(5).0));
}

#[test]
fn reliability_is_the_mean_gap_between_claim_and_outcome() {
    let mut seen = Reliability::default();
    assert_eq!(seen.expected_calibration_error(), None);
    for good in [true, true, false, false] {
        seen.observe(0.75, good);
    }
    seen.observe(1.0, true);
    seen.observe(f64::NAN, false);
    // Four claims of 3/4 of which half were good: a gap of 1/4 on four of six.
    let error = seen.expected_calibration_error().unwrap();
    assert!((error - 1.0 / 6.0).abs() < 1e-12, "{error}");
    let rows: Vec<ReliabilityRow> = seen.rows().collect();
    assert_eq!(rows.iter().map(|row| (row.count, row.good_share)).collect::<Vec<_>>(), [(1, 0.0), (4, 0.5), (1, 1.0)]);
    assert_eq!((rows[1].from, rows[1].mean_confidence, rows[2].from), (0.7, 0.75, 0.9));
    let again: Reliability = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
    assert_eq!(again, seen);
}
