//! The figures against NumPy's (`tests/oracle`), as a local student's are.

use serde::Deserialize;
use serde_json::json;
use wire::Signals;

use super::{Token, of};

#[derive(Deserialize)]
struct Fixture {
    logits: Vec<Vec<f64>>,
    tokens: Vec<usize>,
    signals: Signals,
}

/// What a server that names the `most` likeliest tokens says of the fixture's.
fn reported(fixture: &Fixture, most: usize) -> Vec<Token> {
    let token = |(logits, token): (&Vec<f64>, &usize)| {
        let total = logits.iter().map(|logit| logit.exp()).sum::<f64>().ln();
        let mut likeliest: Vec<f64> = logits.iter().map(|logit| logit - total).collect();
        likeliest.sort_by(|left, right| right.total_cmp(left));
        let others: Vec<_> = likeliest.iter().take(most).map(|logprob| json!({"logprob": logprob})).collect();
        serde_json::from_value(json!({"token": "x", "logprob": logits[*token] - total, "top_logprobs": others}))
            .unwrap()
    };
    fixture.logits.iter().zip(&fixture.tokens).map(token).collect()
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/golden/signals.json")).unwrap()
}

fn near(found: f32, wanted: f32) -> bool {
    (found - wanted).abs() <= 1e-6 * wanted.abs().max(1.0)
}

#[test]
fn with_every_alternative_the_figures_are_those_of_numpy() {
    let fixture = fixture();
    let (found, wanted) = (of(&reported(&fixture, usize::MAX)).unwrap(), fixture.signals);
    assert_eq!(found.tokens, wanted.tokens);
    for (name, found, wanted) in [
        ("mean_logprob", found.mean_logprob, wanted.mean_logprob),
        ("min_logprob", found.min_logprob, wanted.min_logprob),
        ("q10_logprob", found.q10_logprob, wanted.q10_logprob),
        ("mean_entropy", found.mean_entropy, wanted.mean_entropy),
        ("mean_margin", found.mean_margin, wanted.mean_margin),
        ("low_share", found.low_share, wanted.low_share),
    ] {
        assert!(near(found, wanted), "{name} is {found} and NumPy says {wanted}");
    }
}

#[test]
fn with_two_alternatives_all_but_the_entropy_is_exact_and_that_is_too_small() {
    let fixture = fixture();
    let (found, wanted) = (of(&reported(&fixture, 2)).unwrap(), fixture.signals);
    assert!(near(found.mean_margin, wanted.mean_margin), "{found:?} {wanted:?}");
    assert!(near(found.q10_logprob, wanted.q10_logprob) && near(found.low_share, wanted.low_share));
    assert!(found.mean_entropy > 0.0 && found.mean_entropy < wanted.mean_entropy, "{found:?} {wanted:?}");
}

#[test]
fn no_tokens_are_no_certainty() {
    assert_eq!(of(&[]), None);
}

#[test]
fn what_no_probability_can_be_does_not_pass_for_certainty() {
    let tokens: Vec<Token> = serde_json::from_value(json!([
        {"logprob": 0.5, "top_logprobs": [{"logprob": 0.5}]}, {"logprob": -9999.0, "top_logprobs": []},
    ]))
    .unwrap();
    let signals = of(&tokens).unwrap();
    assert_eq!((signals.min_logprob, signals.mean_margin, signals.low_share), (-9999.0, 0.5, 0.5));
    assert_eq!((signals.mean_logprob, signals.mean_entropy), (-4999.5, 0.0));
}

#[test]
fn all_tokens_that_are_not_named_count_as_one() {
    let others = [0.5_f64.ln(), 0.25_f64.ln()].map(|logprob| json!({"logprob": logprob}));
    let token = serde_json::from_value(json!({"logprob": 0.5_f64.ln(), "top_logprobs": others})).unwrap();
    let signals = of(&[token]).unwrap();
    assert!(near(signals.mean_entropy, 1.5 * 2.0_f32.ln()) && near(signals.mean_margin, 0.25), "{signals:?}");
}
