use wire::Signals;

use crate::thresholds::{Labelled, Wanted, confidence, grid, likely, recalibrated};
use crate::{Calibration, Features};

const WANTED: Wanted = Wanted { quality: 0.9, risk: 0.1 };

/// A student whose least sure token says nothing and whose entropy tells good from bad, but for one answer in `wrong`.
fn entropy_tells(count: usize, wrong: usize) -> Vec<Labelled> {
    (0..count)
        .map(|at| {
            let sure = at % 10 < 6;
            let bad = sure == (at.is_multiple_of(wrong));
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let (min_logprob, entropy) = (-((at * 7 % 13) as f32) / 4.0, (at * 5 % 11) as f32 / 40.0);
            let mean_entropy = if sure { entropy } else { 1.0 + entropy };
            let signals = Signals { tokens: 9, min_logprob, mean_entropy, ..Signals::default() };
            Labelled { features: Features::of(&signals), quality: f64::from(u8::from(!bad)), bad }
        })
        .collect()
}

#[test]
fn a_confidence_that_tells_nothing_is_replaced_by_one_that_does() {
    let labelled = entropy_tells(200, 31);
    let learnt = recalibrated(&labelled, None, WANTED).unwrap();
    let mean = |bad: bool| {
        let of: Vec<f64> =
            labelled.iter().filter(|a| a.bad == bad).map(|a| learnt.confidence_of(&a.features)).collect();
        of.iter().sum::<f64>() / f64::from(u32::try_from(of.len()).unwrap())
    };
    assert!(mean(false) > mean(true) + 0.5, "{} {}", mean(false), mean(true));
    assert_eq!(recalibrated(&labelled, Some(&learnt), WANTED), None, "what is known already costs no evidence");
}

#[test]
fn what_nothing_tells_apart_or_is_too_little_is_not_learnt() {
    let shuffled: Vec<Labelled> = entropy_tells(400, 31)
        .into_iter()
        .enumerate()
        .map(|(at, answer)| {
            let bad = at * 7919 % 101 < 40;
            Labelled { quality: f64::from(u8::from(!bad)), bad, ..answer }
        })
        .collect();
    assert_eq!(recalibrated(&shuffled, None, WANTED), None);
    assert_eq!(recalibrated(&entropy_tells(199, 31), None, WANTED), None, "each half needs a hundred");
    assert_eq!(recalibrated(&[], None, WANTED), None);
}

#[test]
fn kept_features_mean_what_the_signals_meant() {
    let signals = Signals { tokens: 5, min_logprob: -0.7, mean_entropy: 0.3, ..Signals::default() };
    let kept: Features = serde_json::from_str(&serde_json::to_string(&Features::of(&signals)).unwrap()).unwrap();
    assert_eq!(confidence(&kept, None), crate::confidence::confidence(&signals));
    let pairs: Vec<_> = entropy_tells(200, 31).iter().map(|answer| (answer.features, !answer.bad)).collect();
    let fitted = Calibration::fit(&pairs).unwrap();
    assert_eq!(confidence(&kept, Some(&fitted)), fitted.confidence(&signals));
    let broken = Signals { min_logprob: f32::NEG_INFINITY, mean_entropy: f32::NAN, ..signals };
    let kept = serde_json::to_string(&Features::of(&broken)).unwrap();
    assert!(serde_json::from_str::<Features>(&kept).is_ok(), "{kept}");
}

#[test]
fn the_grid_ends_at_zero_and_the_likely_threshold_is_the_loosest_that_is_clearly_good() {
    let confidences: Vec<f64> = (0..80).rev().map(|at| f64::from(at) / 80.0).collect();
    let grid = grid(confidences.clone());
    assert_eq!((grid.len(), grid.last()), (40, Some(&0.0)));
    let scores: Vec<(f64, f64)> = confidences.iter().map(|c| (*c, f64::from(u8::from(*c >= 0.5)))).collect();
    let at = likely(&grid, &scores, 0.9).unwrap();
    assert!((0.4..=0.5).contains(&at), "{at}");
    let bad: Vec<(f64, f64)> = confidences.iter().map(|c| (*c, 0.0)).collect();
    assert_eq!(likely(&grid, &bad, 0.9), grid.iter().copied().reduce(f64::max));
}

/// Answers that one confidence does not tell apart and the entropy does: of each half every `every`th is the bad one.
fn every(count: usize, every: usize, answer: impl Fn(bool) -> (f64, bool)) -> Vec<Labelled> {
    let one = |at: usize| {
        let odd = (at / 2) % every == every - 1;
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let entropy = (at * 5 % 11) as f32 / 40.0;
        let mean_entropy = if odd { 1.0 + entropy } else { entropy };
        let signals = Signals { tokens: 9, min_logprob: -0.1, mean_entropy, ..Signals::default() };
        let (quality, bad) = answer(odd);
        Labelled { features: Features::of(&signals), quality, bad }
    };
    (0..count).map(one).collect()
}

#[test]
fn risk_and_quality_are_both_wanted_of_what_is_covered() {
    // All of a good quality, a quarter of them bad by the measure's own rule: only the risk tells the sure ones.
    let risky = every(400, 4, |odd| (1.0, odd));
    assert!(recalibrated(&risky, None, Wanted { quality: 0.9, risk: 0.02 }).is_some());
    // The risk is of all requests: of a ninth bad a tenth may be served, so the ties cover 188 of 200, the entropy 198.
    let rare = every(400, 9, |odd| (1.0, odd));
    assert_eq!(recalibrated(&rare, None, Wanted { quality: 0.9, risk: 0.1 }), None);
    // Whatever risk is allowed, the quality is asked for.
    let poor = every(400, 4, |odd| (f64::from(u8::from(!odd)), odd));
    assert!(recalibrated(&poor, None, Wanted { quality: 0.9, risk: 1.0 }).is_some());
}

#[test]
fn a_twentieth_more_is_not_worth_the_evidence() {
    // Of 104 answers in each half the ties cover 95 at a quality of 0.884, the entropy 102.
    let answers = every(208, 8, |odd| (f64::from(u8::from(!odd)), odd));
    assert_eq!(recalibrated(&answers, None, Wanted { quality: 0.884, risk: 1.0 }), None);
    assert!(recalibrated(&answers, None, Wanted { quality: 0.95, risk: 1.0 }).is_some(), "there it covers far more");
}

#[test]
fn the_likely_threshold_serves_what_lies_at_it_and_leaves_a_margin() {
    let scores = [(0.8, 1.0), (0.8, 0.9), (0.4, 0.0)];
    assert_eq!(likely(&[0.8, 0.4, 0.0], &scores, 0.9), Some(0.8), "a mean of 0.95 is past the margin of 0.025");
    assert_eq!(
        likely(&[0.9, 0.8, 0.4, 0.0], &scores, 0.94),
        Some(0.9),
        "0.95 is not past that of 0.015: the strictest"
    );
}
