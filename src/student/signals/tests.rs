//! The figures against NumPy's (`tests/oracle`).

use std::ops::Range;

use packed::Kernel;
use serde::Deserialize;
use wire::Signals;

use super::{Trace, quantile, values};

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
        assert!(trace.push(Kernel::portable(), logits, *token));
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
    assert!(trace.push(Kernel::portable(), &[3.0; 8], 5));
    let signals = trace.signals();
    assert!((signals.mean_entropy - 8.0_f32.ln()).abs() < 1e-6);
    assert!((signals.mean_logprob + 8.0_f32.ln()).abs() < 1e-6);
    assert_eq!((signals.mean_margin, signals.low_share), (0.0, 1.0));
}

#[test]
fn a_certain_token_has_no_entropy_even_where_others_are_impossible() {
    let mut trace = Trace::default();
    assert!(trace.push(Kernel::portable(), &[f32::NEG_INFINITY, 7.0, f32::NEG_INFINITY], 1));
    let signals = trace.signals();
    assert_eq!(
        (signals.mean_logprob, signals.mean_entropy, signals.mean_margin, signals.low_share),
        (0.0, 0.0, 1.0, 0.0)
    );
}

#[test]
fn damaged_logits_are_refused_and_leave_no_trace() {
    let mut trace = Trace::default();
    assert!(!trace.push(Kernel::portable(), &[0.0, f32::NAN], 0));
    assert!(!trace.push(Kernel::portable(), &[f32::INFINITY, 0.0], 0));
    assert!(!trace.push(Kernel::portable(), &[f32::NEG_INFINITY; 2], 0));
    assert!(!trace.push(Kernel::portable(), &[1.0, 2.0], 2), "a token beyond the vocabulary");
    assert_eq!(trace.signals(), Signals::default());
}

#[test]
fn quantiles_fall_between_neighbours() {
    assert!((quantile(&[-4.0, -2.0, -1.0], 0.1) + 3.6).abs() < 1e-6);
    assert_eq!(quantile(&[-4.0], 0.1), -4.0);
}

/// A trace of tokens at these places, of which the n-th was taken with probability 1 / (n + 2); one without a place was forced.
fn traced(places: impl IntoIterator<Item = Option<Range<usize>>>) -> Trace {
    let mut trace = Trace::default();
    for (number, place) in places.into_iter().enumerate() {
        assert!(trace.push(Kernel::portable(), &vec![0.0; number + 2], 0));
        place.into_iter().for_each(|place| trace.place(place));
    }
    trace
}

/// The pieces that count, by the probabilities that they were taken with.
fn counted(pieces: &[&str]) -> (u32, f32) {
    let text: String = pieces.concat();
    let mut end = 0;
    let trace = traced(pieces.iter().map(|piece| {
        end += piece.len();
        Some(end - piece.len()..end)
    }));
    let signals = trace.signals_of(&values(&text));
    (signals.tokens, signals.mean_logprob * signals.tokens as f32)
}

#[test]
fn of_json_only_the_tokens_of_values_count() {
    for (pieces, wanted) in [
        (&["{", "\"item\"", ":", "\"", "oil", " lamp", "\"", ",", "\"price\"", ":", "12", "}"][..], &[4, 5, 10][..]),
        // Tokens that hold the end of a key and the beginning of a value, and the end of one value and the next key.
        (&["{\"it", "em\":\"oi", "l\",\"pr", "ice\":1", "2", "}"], &[1, 2, 3, 4]),
        (&["{\"a\":", " {\"b", "\":", "tr", "ue},", "\"c\":[", "1", ",", "\"x", "\\\"", "\"]", "}"], &[3, 4, 6, 8, 9]),
    ] {
        let sum: f32 = wanted.iter().map(|number| -((number + 2) as f32).ln()).sum();
        let (tokens, found) = counted(pieces);
        assert!(tokens as usize == wanted.len() && (found - sum).abs() < 1e-5, "{pieces:?}: {tokens} {found} {sum}");
    }
}

#[test]
fn parts_of_a_character_count_with_it_and_forced_tokens_never() {
    let text = "{\"a\":\"\u{e9}\"}";
    // The first part of the character completes nothing, the second all of it.
    let trace = traced([Some(0..6), Some(6..6), Some(6..8), None, Some(8..10)]);
    assert_eq!(trace.signals_of(&values(text)).tokens, 2);
    let forced = traced([Some(0..5), None, Some(6..7)]);
    assert_eq!(forced.signals_of(&values("{\"a\":1}")).tokens, 3, "no token of a value was chosen: all count");
}

#[test]
fn json_without_a_value_counts_as_a_whole() {
    let (tokens, _) = counted(&["{", "\"a\"", ":", "[", "]", "}"]);
    assert_eq!(tokens, 6);
}
