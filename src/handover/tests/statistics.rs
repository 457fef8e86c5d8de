//! The tests alone: golden vectors (tests/oracle/statistics.py) and seeded simulations.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::betting::{Betting, Gambler, mix5_gains, weighted_gains};
use crate::drift::Drift;
use crate::gate::{Claims, Gate, LEVELS_MAX, RISK_BETS, Seen};
use crate::tally::{Tally, percent};

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "found {found}, expected {expected}");
}

fn tally(qualities: &[f64]) -> Tally {
    let mut tally = Tally::default();
    qualities.iter().for_each(|quality| tally.add(percent(*quality)));
    tally
}

pub(super) const CLAIMS: Claims = Claims {
    quality: 0.9,
    quality_alpha: 0.05,
    risk: 0.05,
    risk_delta: 0.10,
    selective: false,
    betting: Betting::Mix5,
};

pub(super) fn seen(confidence: f64, good: bool) -> Seen {
    Seen { confidence: Some(confidence), quality: f64::from(u8::from(good)), bad: !good }
}

#[test]
fn the_promotion_capital_equals_the_golden_vector() {
    let mut qualities = vec![1.0; 10];
    near(tally(&qualities).log_capital(0.9), 0.584384);
    qualities.push(0.0);
    near(tally(&qualities).log_capital(0.9), -0.310301);
    qualities.extend([1.0; 20]);
    near(tally(&qualities).log_capital(0.9), 0.692736);
}

#[test]
fn the_gates_capital_is_that_of_the_answers_it_would_serve() {
    let claims = Claims { quality_alpha: 0.9, ..CLAIMS };
    let mut gate = Gate::new(&[0.5], None);
    (0..10).for_each(|_| gate.observe(seen(0.7, true), &claims));
    near(gate.quality_evidence(0, 1.0, &claims).0, 0.584384);
    (0..50).for_each(|_| gate.observe(seen(0.3, false), &claims));
    near(gate.quality_evidence(0, 1.0, &claims).0, 0.584384);
    assert_eq!((gate.audits(), gate.served(0).len()), (60, 10));
    near(gate.coverage(0), 10.0 / 60.0);
    near(gate.raw().mean().unwrap(), 10.0 / 60.0);
}

#[test]
fn forty_three_good_audits_and_no_fewer_prove_nine_tenths() {
    assert!(tally(&[1.0; 42]).lower_bound(0.05) < 0.9);
    assert!(tally(&[1.0; 43]).lower_bound(0.05) >= 0.9);
}

#[test]
fn the_adaptive_gamblers_equal_the_golden_vectors() {
    let outcomes: Vec<f64> = (0..60).map(|at| if at % 15 == 7 { 0.0 } else { 1.0 }).collect();
    for (betting, expected) in [(Betting::Agrapa, GOLDEN_AGRAPA), (Betting::PrplEb, GOLDEN_PRPL_EB)] {
        let mut gambler = Gambler::default();
        let mut found = Vec::new();
        for (at, x) in outcomes.iter().enumerate() {
            gambler.observe(betting, *x, 0.9, 0.05);
            if [6, 7, 29, 59].contains(&at) {
                found.push(gambler.log_capital());
            }
        }
        found.into_iter().zip(expected).for_each(|(found, expected)| near(found, expected));
    }
}

#[test]
fn the_adaptive_gamblers_bet_less_than_the_most_where_outcomes_vary() {
    for (betting, expected) in [(Betting::Agrapa, MIXED_AGRAPA), (Betting::PrplEb, MIXED_PRPL_EB)] {
        let mut gambler = Gambler::default();
        let after: Vec<f64> = (0..200)
            .map(|at| {
                gambler.observe(betting, f64::from(u8::from(at % 5 < 3)), 0.5, 0.05);
                gambler.log_capital()
            })
            .collect();
        near(after[49], expected[0]);
        near(after[199], expected[1]);
    }
}

const GOLDEN_AGRAPA: [f64; 4] = [0.077167, -1.083869, -1.649542, -2.197872];
const MIXED_AGRAPA: [f64; 2] = [-1.438109, 0.858499];
const MIXED_PRPL_EB: [f64; 2] = [0.505443, 2.972107];
const GOLDEN_PRPL_EB: [f64; 4] = [0.378471, -0.314677, 0.127588, 0.255176];

#[test]
fn the_interval_for_display_holds_the_mean_and_narrows() {
    let half = |n: usize| tally(&(0..n).map(|at| f64::from(u8::from(at % 4 != 0))).collect::<Vec<_>>()).interval(0.05);
    let (few, many) = (half(40), half(400));
    assert!(few.0 < 0.75 && few.1 > 0.75 && many.0 < 0.75 && many.1 > 0.75, "{few:?} {many:?}");
    assert!(many.1 - many.0 < few.1 - few.0);
    assert_eq!(Tally::default().interval(0.05), (0.0, 1.0));
    let (low, high) = tally(&[1.0; 50]).interval(0.05);
    assert!(low > 0.8 && high == 1.0);
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
    (0..1_000_000).for_each(|_| drift.observe(1.0, 0.90));
    assert!(drift.log_statistic().is_finite());
    (0..12).for_each(|_| drift.observe(0.0, 0.90));
    assert!(drift.log_statistic() > 10_000f64.ln(), "{}", drift.log_statistic());
}

pub(super) fn coin(rng: &mut impl Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

fn promoted(seed: u64, quality: f64, betting: Betting, audits: usize) -> Option<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let claims = Claims { betting, risk: 0.999, ..CLAIMS };
    let mut gate = Gate::new(&[0.0], None);
    (1..=audits).find(|_| {
        gate.observe(seen(0.5, coin(&mut rng, quality)), &claims);
        gate.proven(&claims).is_some()
    })
}

/// Property (i): Ville's inequality for each way to bet.
#[test]
fn a_student_at_the_border_is_promoted_no_more_often_than_alpha() {
    for betting in [Betting::Mix5, Betting::Agrapa, Betting::PrplEb] {
        let promoted = (0..400).filter(|seed| promoted(*seed, 0.9, betting, 1500).is_some()).count();
        // 3 sigma above 0.05 * 400.
        assert!(promoted <= 33, "{betting:?}: {promoted} of 400");
    }
}

#[test]
fn a_good_student_is_promoted_about_as_fast_as_computed() {
    for (betting, range) in [(Betting::Mix5, 40..=50), (Betting::Agrapa, 40..=50), (Betting::PrplEb, 48..=64)] {
        let mut audits: Vec<usize> = (0..200).map(|seed| promoted(seed, 0.99, betting, 3000).unwrap_or(3000)).collect();
        audits.sort_unstable();
        assert!(range.contains(&audits[100]), "{betting:?}: median {}", audits[100]);
    }
}

/// Property (ii): the mean run length of a healthy student is at least A.
#[test]
fn a_healthy_student_rarely_trips_the_drift_detector() {
    let alarm = 100.0f64;
    let runs = 300;
    let lengths = (0..runs).map(|seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut drift = Drift::default();
        let length = (1..2000).find(|_| {
            drift.observe(f64::from(u8::from(coin(&mut rng, 0.90))), 0.90);
            drift.log_statistic() >= alarm.ln()
        });
        f64::from(length.unwrap_or(2000))
    });
    let mean = lengths.sum::<f64>() / f64::from(u32::try_from(runs).unwrap());
    assert!(mean >= alarm, "{mean}");
}

#[test]
fn the_default_detector_notices_a_fall_to_seventeen_twentieths_within_four_hundred_audits() {
    let mut delays: Vec<u32> = (0..100)
        .map(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut drift = Drift::default();
            (0..500).for_each(|_| drift.observe(f64::from(u8::from(coin(&mut rng, 0.97))), 0.90));
            let seen = (1..5000).find(|_| {
                drift.observe(f64::from(u8::from(coin(&mut rng, 0.85))), 0.90);
                drift.log_statistic() >= 10_000f64.ln()
            });
            seen.unwrap_or(5000)
        })
        .collect();
    delays.sort_unstable();
    assert!((200..=400).contains(&delays[50]), "median {}", delays[50]);
}

#[test]
fn an_unsafe_threshold_is_proven_no_more_often_than_delta() {
    // The student is right with probability equal to its confidence: below the safe threshold the risk exceeds alpha.
    let grid: Vec<f64> = (0..20).map(|step| f64::from(step) / 20.0).collect();
    let risk = |tau: f64| (1.0 - tau).powi(2) / 2.0;
    // The quality of what is served is not asked about here.
    let claims = Claims { quality: 0.01, quality_alpha: 0.9999, ..CLAIMS };
    let mut unsafe_runs = 0u32;
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut gate = Gate::new(&grid, None);
        unsafe_runs += u32::from((0..2000).any(|_| {
            let confidence = rng.random::<f64>();
            gate.observe(seen(confidence, rng.random::<f64>() < confidence), &claims);
            gate.proven(&claims).is_some_and(|proven| risk(proven.tau) > 0.05)
        }));
    }
    assert!(unsafe_runs <= 32, "{unsafe_runs} of 200 runs");
}

/// Property (iii), and the same for quality: no threshold whose served answers are too bad is ever proven more often
/// than alpha, whichever start the exam suggested.
#[test]
fn a_threshold_whose_served_answers_are_not_good_enough_is_proven_no_more_often_than_alpha() {
    // Two kinds of answers: sure ones are right in 0.97, unsure ones in 0.80. All together: 0.885 < 0.90.
    for likely in [None, Some(0.0), Some(0.5)] {
        let mut false_claims = 0u32;
        for seed in 0..200 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let claims = Claims { risk: 0.5, ..CLAIMS };
            let mut gate = Gate::new(&[0.9, 0.5, 0.3, 0.0], likely);
            false_claims += u32::from((0..1500).any(|_| {
                let sure = rng.random::<bool>();
                let confidence = if sure { 0.6 } else { 0.1 };
                gate.observe(seen(confidence, coin(&mut rng, if sure { 0.97 } else { 0.80 })), &claims);
                gate.proven(&claims).is_some_and(|proven| proven.tau <= 0.1)
            }));
        }
        assert!(false_claims <= 19, "{likely:?}: {false_claims} of 200 runs");
    }
}

#[test]
fn the_gate_opens_with_evidence_and_never_past_an_unproven_stricter_level() {
    let mut gate = Gate::new(&[0.9, 0.5, 0.0], Some(0.5));
    assert_eq!(gate.proven(&CLAIMS), None);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut loosest = 1.0f64;
    for _ in 0..800 {
        let confidence = rng.random::<f64>();
        gate.observe(seen(confidence, confidence >= 0.5 || rng.random::<bool>()), &CLAIMS);
        let tau = gate.proven(&CLAIMS).map_or(1.0, |proven| proven.tau);
        assert!(tau <= loosest, "what is proven stays proven");
        loosest = tau;
    }
    assert_eq!(loosest, 0.5);
    let coverage = gate.proven(&CLAIMS).unwrap().coverage;
    assert!((0.45..0.55).contains(&coverage), "{coverage}");
}

#[test]
fn a_threshold_is_proven_after_as_many_audits_as_the_formula_says_and_no_fewer() {
    // The least n of which `risk(n - bad, bad, 0.05)` of the oracle is ln 10; quality needs fewer.
    for (bad, audits) in [(0, 77), (1, 113), (3, 182)] {
        let claims = Claims { quality: 0.5, ..CLAIMS };
        let mut gate = Gate::new(&[0.5], None);
        (1..audits).for_each(|at| gate.observe(seen(0.9, at > bad), &claims));
        assert_eq!(gate.proven(&claims), None, "{bad} bad");
        gate.observe(seen(0.9, true), &claims);
        assert_eq!(gate.proven(&claims).map(|proven| proven.tau), Some(0.5), "{bad} bad");
    }
}

#[test]
fn the_bets_against_the_risk_spend_the_money_that_there_is_and_stay_solvent() {
    near(RISK_BETS.iter().map(|(money, _)| money).sum(), 1.0);
    assert!(RISK_BETS.iter().all(|(money, bet)| *money > 0.0 && *bet > 0.0 && *bet < 1.0));
}

#[test]
fn a_selective_risk_is_of_the_answers_served() {
    let claims = Claims { selective: true, risk: 0.10, quality: 0.5, ..CLAIMS };
    let joint = Claims { selective: false, ..claims };
    let (mut gate, mut other) = (Gate::new(&[0.5], None), Gate::new(&[0.5], None));
    // A tenth of the requests is served, a fifth of that is bad: 2 % of all, 20 % of what is served.
    for at in 0..2000 {
        let it = if at % 10 == 0 { seen(0.9, at % 50 != 0) } else { seen(0.1, true) };
        gate.observe(it, &claims);
        other.observe(it, &joint);
    }
    assert_eq!((gate.proven(&claims), other.proven(&joint).map(|proven| proven.tau)), (None, Some(0.5)));
}

#[test]
fn the_mean_is_that_of_the_audited_qualities() {
    near(tally(&[0.5, 0.5, 0.25, 1.0, 0.0]).mean().unwrap(), 0.45);
    assert_eq!(tally(&[]).mean(), None);
    assert_eq!((percent(f64::NAN), percent(-3.0), percent(7.0), percent(0.29)), (0, 0, 100, 29));
}

#[test]
fn the_qualities_shown_of_a_threshold_are_those_of_the_answers_it_would_serve_however_many() {
    let mut gate = Gate::new(&[0.75, 0.5, 0.25], None);
    let (mut served, mut raw) = ([vec![], vec![], vec![]], Vec::new());
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for audit in 0..70_000 {
        // Most are alike: more than one cell counts.
        let quality = if audit % 50 == 0 { f64::from(rng.random_range(0..=100u8)) / 100.0 } else { 1.0 };
        let confidence = if audit % 50 == 0 { rng.random() } else { 0.6 };
        gate.observe(Seen { confidence: Some(confidence), quality, bad: false }, &CLAIMS);
        raw.push(quality);
        let served = served.iter_mut().zip([0.75, 0.5, 0.25]).filter(|(_, tau)| confidence >= *tau);
        served.for_each(|(served, _)| served.push(quality));
    }
    for (level, served) in served.iter().enumerate() {
        assert_eq!(gate.served(level), tally(served), "{level}");
        near(gate.coverage(level), tally(served).len() as f64 / 70_000.0);
    }
    assert_eq!((gate.raw(), gate.served(9)), (tally(&raw), tally(&served[2])));
    assert!(gate.bytes() < 3_000, "{}", gate.bytes());
}

#[test]
fn of_too_many_thresholds_the_loosest_are_left_out() {
    let grid: Vec<f64> = (0..=300).map(|step| f64::from(step) / 300.0).collect();
    let mut gate = Gate::new(&grid, Some(0.0));
    gate.observe(seen(0.5, true), &CLAIMS);
    gate.observe(seen(0.0, false), &CLAIMS);
    assert_eq!((gate.tau(LEVELS_MAX - 1), gate.tau(LEVELS_MAX)), (Some(46.0 / 300.0), None));
    assert_eq!((gate.served(LEVELS_MAX - 1).mean(), gate.raw().mean()), (Some(1.0), Some(0.5)));
}

/// Property (iv): with every request audited the weights change nothing; and under weights the error holds.
#[test]
fn the_weighted_test_with_probability_one_is_the_unweighted_test() {
    for x in [0.0, 0.3, 0.9, 1.0] {
        let pairs = weighted_gains(x, 0.9, 1.0, 1.0).into_iter().zip(mix5_gains(x, 0.9));
        pairs.for_each(|(weighted, plain)| assert!((weighted - plain).abs() < 1e-12, "{x}: {weighted} {plain}"));
    }
    // Under the null the expected factor is 1: audited with p or not, right with q0 or not.
    let (q0, p, p_min) = (0.9, 0.4, 0.1);
    let (good, bad) = (weighted_gains(1.0, q0, p, p_min), weighted_gains(0.0, q0, p, p_min));
    for (good, bad) in good.into_iter().zip(bad) {
        let factor = (1.0 - p) + p * (q0 * good.exp() + (1.0 - q0) * bad.exp());
        assert!((factor - 1.0).abs() < 1e-12, "{factor}");
    }
}

#[test]
fn before_a_proof_the_start_that_is_nearest_to_one_is_spoken_of() {
    let mut gate = Gate::new(&[0.75, 0.5, 0.25, 0.0], None);
    // The sure answers are bad, the others good: the loosest start has the most evidence.
    (0..4).for_each(|_| gate.observe(seen(0.8, false), &CLAIMS));
    (0..60).for_each(|_| gate.observe(seen(0.1, true), &CLAIMS));
    assert_eq!(gate.shown(&CLAIMS), Some((3, 0.25)));
    let (capital, needed) = gate.quality_evidence(3, 0.25, &CLAIMS);
    near(needed, -(0.05f64 * 0.25).ln());
    assert!(capital > 0.0 && capital < needed, "{capital}");
}

#[test]
fn the_bytes_of_a_gate_are_those_that_it_holds() {
    // A level is its threshold, two counts, five gains and two peaks; a start two numbers; a cell four bytes.
    let (level, start) = (8 + 8 + 5 * 8 + 2 * 8, 16);
    let grid: Vec<f64> = (0..40).map(|step| f64::from(step) / 40.0).collect();
    let mut gate = Gate::new(&grid, None);
    let fresh = size_of::<Gate>() + 40 * level + 4 * start;
    assert_eq!(gate.bytes(), fresh);
    (0..33u8).for_each(|at| gate.observe(Seen { quality: f64::from(at) / 100.0, ..seen(0.5, true) }, &CLAIMS));
    assert!((fresh + 33 * 4..=fresh + 64 * 4).contains(&gate.bytes()), "{}", gate.bytes());
    let claims = Claims { betting: Betting::Agrapa, ..CLAIMS };
    gate.observe(seen(0.5, true), &claims);
    assert!(gate.bytes() >= fresh + 34 * 4 + 40 * size_of::<Gambler>(), "{}", gate.bytes());
}
