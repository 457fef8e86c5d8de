//! The tokens of an answer with their log-probabilities, for who asked for them (OpenAI's `logprobs`).

use std::ops::Range;

use packed::Softmax;
use wire::{Logprob, TokenLogprob};

use crate::format::Format;

/// Collects them, token by token.
#[derive(Debug)]
pub(crate) struct Logprobs {
    /// How many of the most probable ones are wanted at each place.
    top: usize,
    /// Each with where it begins in the text.
    tokens: Vec<(usize, Logprob)>,
}

impl Logprobs {
    pub(crate) fn new(top: u8) -> Self {
        Self { top: usize::from(top), tokens: Vec::new() }
    }

    /// Notes a token that completed the bytes `place` of the text. It was chosen from the softmax of `logits` at temperature 1, or
    /// forced by the answer's form where there are none: then its probability is 1, and nothing stands beside it.
    pub(crate) fn push(&mut self, format: &Format, logits: Option<&[f32]>, token: u32, place: Range<usize>) {
        let said = |token: u32, logprob: f32| TokenLogprob { bytes: format.tokenizer.bytes_of(token), logprob };
        let (chosen, top) = match logits {
            None => (said(token, 0.0), if self.top > 0 { vec![said(token, 0.0)] } else { Vec::new() }),
            Some(logits) => {
                let normaliser = Softmax::of(format.kernel, logits).log_sum();
                let logprob = |token: u32| {
                    logits.get(token as usize).map_or(f32::MIN, |logit| (f64::from(*logit) - normaliser) as f32)
                };
                let largest = largest(logits, self.top).into_iter().map(|token| said(token, logprob(token)));
                (said(token, logprob(token)), largest.collect())
            }
        };
        self.tokens.push((place.start, Logprob { chosen, top, end: place.end }));
    }

    /// Those that a part of the answer's text stands for; it has `bytes` bytes. What belongs to a stop text is left out.
    pub(crate) fn shown(self, bytes: usize) -> Vec<Logprob> {
        let shown = self.tokens.into_iter().filter(|(begin, _)| *begin < bytes);
        let mut shown: Vec<Logprob> = shown.map(|(_, token)| Logprob { end: token.end.min(bytes), ..token }).collect();
        if let Some(last) = shown.last_mut() {
            // A character that never became whole is shown as one all the same.
            last.end = bytes;
        }
        shown
    }
}

/// The places of the `count` largest, largest first, the lower place first of equals.
fn largest(logits: &[f32], count: usize) -> Vec<u32> {
    let mut found: Vec<(f32, u32)> = Vec::with_capacity(count + 1);
    for (id, logit) in (0..).zip(logits) {
        if found.len() < count || found.last().is_some_and(|(least, _)| logit > least) {
            let at = found.partition_point(|(larger, _)| larger >= logit);
            found.insert(at, (*logit, id));
            found.truncate(count);
        }
    }
    found.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests;
