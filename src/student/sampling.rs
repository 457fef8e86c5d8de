//! Choosing the next token from its logits.
//!
//! The order is Hugging Face's (`GenerationMixin._get_logits_processor`): what may not come next and the penalties ([`crate::form`],
//! [`crate::penalties`]), then temperature, top-k, top-p, min-p. vLLM and llama.cpp have the same knobs in other orders: min-p before top-k,
//! and the temperature last.

use std::cmp::Ordering;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::{Decoding, Sampling};

use crate::StudentError;

/// Chooses tokens; equal seeds choose equally, and without one the choice is the system's.
#[derive(Debug)]
pub(crate) enum Sampler {
    Greedy,
    Random { temperature: f64, cut: Cut, rng: Box<ChaCha8Rng> },
}

/// Which of the most probable tokens take part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// At most so many (Fan et al. 2018); 0 is all.
    top_k: usize,
    /// The fewest that hold this share of the mass that is left (Holtzman et al. 2020).
    top_p: f64,
    /// Those at least this share as probable as the first (Nguyen et al. 2024).
    min_p: f64,
}

impl Sampler {
    /// A temperature that is not above zero means greedy, as OpenAI's 0 does.
    ///
    /// # Errors
    /// When there is no seed and the system gives none.
    pub(crate) fn new(sampling: Sampling, decoding: &Decoding) -> Result<Self, StudentError> {
        match sampling {
            Sampling::Random { temperature, top_p, seed } if temperature > 0.0 => {
                let seed = seed.map_or_else(|| getrandom::u64().map_err(StudentError::Seed), Ok)?;
                let rng = Box::new(ChaCha8Rng::seed_from_u64(seed));
                let (top_k, min_p) = (decoding.top_k as usize, f64::from(decoding.min_p));
                let cut = Cut { top_k, top_p: f64::from(top_p), min_p };
                Ok(Self::Random { temperature: f64::from(temperature), cut, rng })
            }
            Sampling::Greedy | Sampling::Random { .. } => Ok(Self::Greedy),
        }
    }

    /// The next token's id; 0 for no logits.
    pub(crate) fn choose(&mut self, logits: &[f32]) -> u32 {
        match self {
            Self::Greedy => largest(logits),
            Self::Random { temperature, cut, rng } => {
                // 53 bits make every multiple of 2^-53 in [0, 1) equally likely.
                let share = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                sample(logits, *temperature, *cut, share)
            }
        }
    }
}

/// The position of the largest value, the first of equals.
fn largest(logits: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0..).zip(logits) {
        if logit > best.1 {
            best = (id, logit);
        }
    }
    best.0
}

/// A token and its share of the softmax, not normalised.
#[derive(Clone, Copy, Debug)]
struct TokenCandidate {
    weight: f64,
    id: u32,
}

/// Largest weight first, the lower id first of equals.
fn by_weight(left: &TokenCandidate, right: &TokenCandidate) -> Ordering {
    right.weight.total_cmp(&left.weight).then(left.id.cmp(&right.id))
}

/// The token at `share` in [0, 1) of what `cut` leaves of the softmax of `logits / temperature`: one token at least.
fn sample(logits: &[f32], temperature: f64, cut: Cut, share: f64) -> u32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weigh = |(id, logit): (u32, &f32)| TokenCandidate { weight: (f64::from(logit - top) / temperature).exp(), id };
    let mut candidates: Vec<TokenCandidate> = (0..).zip(logits).map(weigh).collect();
    if cut.top_k > 0 {
        keep_first(&mut candidates, cut.top_k);
    }
    if cut.top_p < 1.0 {
        keep_nucleus(&mut candidates, cut.top_p);
    }
    if cut.min_p > 0.0 {
        // The largest weight is 1.
        candidates.retain(|candidate| candidate.weight >= cut.min_p);
    }
    let mut left = share * mass(&candidates);
    for candidate in &candidates {
        left -= candidate.weight;
        if left < 0.0 {
            return candidate.id;
        }
    }
    // Rounding can leave a trace of the mass undrawn.
    candidates.last().map_or(0, |candidate| candidate.id)
}

fn mass(candidates: &[TokenCandidate]) -> f64 {
    candidates.iter().map(|candidate| candidate.weight).sum()
}

/// Leaves so many candidates, largest first.
fn keep_first(candidates: &mut Vec<TokenCandidate>, count: usize) {
    if count < candidates.len() {
        candidates.select_nth_unstable_by(count, by_weight);
        candidates.truncate(count);
    }
    candidates.sort_unstable_by(by_weight);
}

/// Leaves the fewest candidates that hold `top_p` of the mass, largest first. A nucleus is small and the
/// vocabulary is not, so ever larger heads of the order are split off until one holds enough.
fn keep_nucleus(candidates: &mut Vec<TokenCandidate>, top_p: f64) {
    let enough = top_p * mass(candidates);
    let mut head = 64;
    while head < candidates.len() {
        let (largest, ..) = candidates.select_nth_unstable_by(head, by_weight);
        if mass(largest) >= enough {
            candidates.truncate(head);
        }
        head *= 8;
    }
    candidates.sort_unstable_by(by_weight);
    let mut sum = 0.0;
    let short = candidates.iter().take_while(|candidate| {
        sum += candidate.weight;
        sum < enough
    });
    let kept = short.count() + 1;
    candidates.truncate(kept);
}

#[cfg(test)]
mod tests;
