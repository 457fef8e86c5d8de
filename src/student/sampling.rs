//! Choosing the next token from its logits.
//!
//! The order is Hugging Face's (`GenerationMixin._get_logits_processor`): what may not come next and the penalties ([`crate::form`],
//! [`crate::penalties`]), then temperature, top-k, top-p, min-p. vLLM and llama.cpp have the same knobs in other orders: min-p before top-k,
//! and the temperature last.

use std::cmp::Ordering;

use packed::{Kernel, Tempered, Weighted, place_of_largest};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::{Decoding, Sampling};

use crate::StudentError;

/// How far from the most probable token a cut is looked for first, in nats.
const REACHES: [f32; 3] = [4.0, 8.0, 16.0];

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
    pub(crate) fn choose(&mut self, kernel: Kernel, logits: &[f32]) -> u32 {
        match self {
            Self::Greedy => place_of_largest(kernel, logits),
            Self::Random { temperature, cut, rng } => {
                // 53 bits make every multiple of 2^-53 in [0, 1) equally likely.
                let share = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                sample(&Tempered::new(kernel, logits, *temperature), *cut, share)
            }
        }
    }
}

impl Cut {
    fn is_none(&self) -> bool {
        self.top_k == 0 && self.top_p >= 1.0 && self.min_p <= 0.0
    }
}

/// Largest logit first, the lower id first of equals.
fn by_logit(left: &Weighted, right: &Weighted) -> Ordering {
    right.distance.total_cmp(&left.distance).then(left.id.cmp(&right.id))
}

/// The token at `share` in [0, 1) of what `cut` leaves of `all`: one token at least.
fn sample(all: &Tempered<'_>, cut: Cut, share: f64) -> u32 {
    if cut.is_none() {
        return all.at(share * all.mass());
    }
    let mut candidates = nearest(all, cut);
    if cut.top_k > 0 {
        keep_first(&mut candidates, cut.top_k);
    }
    if cut.top_p < 1.0 {
        let left = if cut.top_k > 0 { mass(&candidates) } else { all.mass() };
        keep_nucleus(&mut candidates, cut.top_p * left);
    }
    if cut.min_p > 0.0 {
        // The largest weight is 1.
        candidates.retain(|candidate| f64::from(candidate.weight) >= cut.min_p);
    }
    let mut left = share * mass(&candidates);
    for candidate in &candidates {
        left -= f64::from(candidate.weight);
        if left < 0.0 {
            return candidate.id;
        }
    }
    // Rounding can leave a trace of the mass undrawn.
    candidates.last().map_or(0, |candidate| candidate.id)
}

/// The most probable tokens, by their ids: all that `cut` can leave, and not many more. A cut leaves few of a vocabulary, so ever wider
/// reaches are tried.
fn nearest(all: &Tempered<'_>, cut: Cut) -> Vec<Weighted> {
    for reach in REACHES {
        let found = all.within(reach);
        let enough = if cut.top_k > 0 {
            found.len() >= cut.top_k
        } else if cut.top_p < 1.0 {
            mass(&found) >= cut.top_p * all.mass()
        } else {
            f64::from(reach) > -cut.min_p.ln()
        };
        if enough {
            return found;
        }
    }
    all.within(f32::INFINITY)
}

fn mass(candidates: &[Weighted]) -> f64 {
    candidates.iter().map(|candidate| f64::from(candidate.weight)).sum()
}

/// Leaves so many candidates, largest first.
fn keep_first(candidates: &mut Vec<Weighted>, count: usize) {
    if count < candidates.len() {
        candidates.select_nth_unstable_by(count, by_logit);
        candidates.truncate(count);
    }
    candidates.sort_unstable_by(by_logit);
}

/// Leaves the fewest candidates that hold a mass of `enough`, largest first. A nucleus is smaller than what it is looked for in, so ever
/// larger heads of the order are split off until one holds enough.
fn keep_nucleus(candidates: &mut Vec<Weighted>, enough: f64) {
    let mut head = 64;
    while head < candidates.len() {
        let (largest, ..) = candidates.select_nth_unstable_by(head, by_logit);
        if mass(largest) >= enough {
            candidates.truncate(head);
        }
        head *= 8;
    }
    candidates.sort_unstable_by(by_logit);
    let mut sum = 0.0;
    let short = candidates.iter().take_while(|candidate| {
        sum += f64::from(candidate.weight);
        sum < enough
    });
    let kept = short.count() + 1;
    candidates.truncate(kept);
}

#[cfg(test)]
mod tests;
