//! The figures against NumPy's (`tests/oracle`).

use serde::Deserialize;
use wire::Signals;

use super::{Trace, quantile};

#[derive(Deserialize)]
struct Fixture {
    logits: Vec<Vec<f32>>,
    tokens: Vec<u32>,
    signals: Signals,
}

#[test]
fn the_figures_are_those_of_numpy() {
    let fixture: Fixture = serde_json::from_str(include_str!("../../../tests/golden/signals.json")).unwrap();
    let mut trace = Trace::default();
    for (logits, token) in fixture.logits.iter().zip(&fixture.tokens) {
        assert!(trace.push(logits, *token));
    }
    let (found, wanted) = (trace.signals(), fixture.signals);
    assert_eq!(found.tokens, wanted.tokens);
    for (name, found, wanted) in [
        ("mean_logprob", found.mean_logprob, wanted.mean_logprob),
        ("min_logprob", found.min_logprob, wanted.min_logprob),
        ("q10_logprob", found.q10_logprob, wanted.q10_logprob),
        ("mean_entropy", found.mean_entropy, wanted.mean_entropy),
        ("mean_margin", found.mean_margin, wanted.mean_margin),
        ("low_share", found.low_share, wanted.low_share),
    ] {
        assert!((found - wanted).abs() <= 1e-6 * wanted.abs().max(1.0), "{name} is {found} and NumPy says {wanted}");
    }
}

#[test]
fn a_uniform_distribution_has_the_entropy_of_its_size_and_no_margin() {
    let mut trace = Trace::default();
    assert!(trace.push(&[3.0; 8], 5));
    let signals = trace.signals();
    assert!((signals.mean_entropy - 8.0_f32.ln()).abs() < 1e-6);
    assert!((signals.mean_logprob + 8.0_f32.ln()).abs() < 1e-6);
    assert_eq!((signals.mean_margin, signals.low_share), (0.0, 1.0));
}

#[test]
fn a_certain_token_has_no_entropy_even_where_others_are_impossible() {
    let mut trace = Trace::default();
    assert!(trace.push(&[f32::NEG_INFINITY, 7.0, f32::NEG_INFINITY], 1));
    let signals = trace.signals();
    assert_eq!(
        (signals.mean_logprob, signals.mean_entropy, signals.mean_margin, signals.low_share),
        (0.0, 0.0, 1.0, 0.0)
    );
}

#[test]
fn damaged_logits_are_refused_and_leave_no_trace() {
    let mut trace = Trace::default();
    assert!(!trace.push(&[0.0, f32::NAN], 0));
    assert!(!trace.push(&[f32::INFINITY, 0.0], 0));
    assert!(!trace.push(&[f32::NEG_INFINITY; 2], 0));
    assert!(!trace.push(&[1.0, 2.0], 2), "a token beyond the vocabulary");
    assert_eq!(trace.signals(), Signals::default());
}

#[test]
fn quantiles_fall_between_neighbours() {
    assert!((quantile(&[-4.0, -2.0, -1.0], 0.1) + 3.6).abs() < 1e-6);
    assert_eq!(quantile(&[-4.0], 0.1), -4.0);
}
