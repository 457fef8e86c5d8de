//! Choosing the next token from its logits.

use std::cmp::Ordering;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::Sampling;

use crate::StudentError;

/// Chooses tokens; equal seeds choose equally, and without one the choice is the system's.
#[derive(Debug)]
pub(crate) enum Sampler {
    Greedy,
    Random { temperature: f64, top_p: f64, rng: Box<ChaCha8Rng> },
}

impl Sampler {
    /// A temperature that is not above zero means greedy, as OpenAI's 0 does.
    ///
    /// # Errors
    /// When there is no seed and the system gives none.
    pub(crate) fn new(sampling: Sampling) -> Result<Self, StudentError> {
        match sampling {
            Sampling::Random { temperature, top_p, seed } if temperature > 0.0 => {
                let seed = seed.map_or_else(|| getrandom::u64().map_err(StudentError::Seed), Ok)?;
                let rng = Box::new(ChaCha8Rng::seed_from_u64(seed));
                Ok(Self::Random { temperature: f64::from(temperature), top_p: f64::from(top_p), rng })
            }
            Sampling::Greedy | Sampling::Random { .. } => Ok(Self::Greedy),
        }
    }

    /// The next token's id; 0 for no logits.
    pub(crate) fn choose(&mut self, logits: &[f32]) -> u32 {
        match self {
            Self::Greedy => largest(logits),
            Self::Random { temperature, top_p, rng } => {
                // 53 bits make every multiple of 2^-53 in [0, 1) equally likely.
                let share = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                sample(logits, *temperature, *top_p, share)
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

/// The token at `share` in [0, 1) of the nucleus: the fewest tokens, most probable first, that hold `top_p` of
/// the softmax of `logits / temperature` (Holtzman et al. 2020). At least one token is in it.
fn sample(logits: &[f32], temperature: f64, top_p: f64, share: f64) -> u32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weigh = |(id, logit): (u32, &f32)| TokenCandidate { weight: (f64::from(logit - top) / temperature).exp(), id };
    let mut candidates: Vec<TokenCandidate> = (0..).zip(logits).map(weigh).collect();
    if top_p < 1.0 {
        keep_nucleus(&mut candidates, top_p);
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
