//! What the penalties make of logits, by hand.

use std::borrow::Cow;

use wire::Decoding;

use super::Penalties;

fn decoding(repetition_penalty: f32, presence_penalty: f32, frequency_penalty: f32) -> Decoding {
    Decoding { repetition_penalty, presence_penalty, frequency_penalty, ..Decoding::default() }
}

fn applied(decoding: Decoding, prompt: &[u32], answer: &[u32], logits: &[f32]) -> Vec<f32> {
    let mut penalties = Penalties::new(&decoding, prompt).unwrap();
    answer.iter().for_each(|token| penalties.note(*token));
    penalties.apply(Cow::Borrowed(logits))
}

#[test]
fn a_repetition_is_divided_or_multiplied_once_wherever_it_was_said() {
    let logits = [4.0, -4.0, 4.0, 0.0, -1.0, 1.0];
    assert_eq!(applied(decoding(2.0, 0.0, 0.0), &[0, 1, 0], &[2, 2, 3], &logits), [2.0, -8.0, 2.0, 0.0, -1.0, 1.0]);
    assert_eq!(applied(decoding(0.5, 0.0, 0.0), &[0], &[], &logits)[0], 8.0, "below one it is welcome");
}

#[test]
fn presence_counts_once_and_frequency_every_time_and_neither_the_prompt() {
    let logits = [1.0, 1.0, 1.0];
    assert_eq!(applied(decoding(1.0, 0.5, 0.0), &[2], &[0, 1, 1], &logits), [0.5, 0.5, 1.0]);
    assert_eq!(applied(decoding(1.0, 0.0, 0.25), &[2], &[0, 1, 1], &logits), [0.75, 0.5, 1.0]);
    assert_eq!(applied(decoding(1.0, 0.5, 0.25), &[2], &[0, 1, 1], &logits), [0.25, 0.0, 1.0]);
    assert_eq!(applied(decoding(1.0, -1.0, 0.0), &[], &[0], &logits), [2.0, 1.0, 1.0], "below zero it is welcome");
    assert_eq!(applied(decoding(2.0, 0.5, 0.0), &[], &[0], &[4.0]), [1.5], "first divided, then less");
}

#[test]
fn what_is_impossible_or_unknown_stays_so_and_nothing_becomes_infinite() {
    let never = f32::NEG_INFINITY;
    assert_eq!(applied(decoding(0.5, -1.0, -1.0), &[0, 9], &[0, 9], &[never, 1.0]), [never, 1.0]);
    let least = applied(decoding(f32::MIN_POSITIVE, 0.0, 0.0), &[0], &[], &[3.0]);
    assert!(least[0].is_finite(), "{least:?}");
}

#[test]
fn without_a_penalty_there_are_none() {
    assert!(Penalties::new(&Decoding { top_k: 3, min_p: 0.5, ..Decoding::default() }, &[1]).is_none());
}
