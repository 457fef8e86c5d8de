//! Choosing the next token from its logits.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::Sampling;

/// Chooses tokens; equal seeds choose equally.
#[derive(Debug)]
pub(crate) enum Sampler {
    Greedy,
    Random {
        temperature: f64,
        top_p: f64,
        rng: Box<ChaCha8Rng>,
    },
}

impl Sampler {
    /// A temperature that is not above zero means greedy, as OpenAI's 0 does.
    pub(crate) fn new(sampling: Sampling) -> Self {
        match sampling {
            Sampling::Random {
                temperature,
                top_p,
                seed,
            } if temperature > 0.0 => Self::Random {
                temperature: f64::from(temperature),
                top_p: f64::from(top_p),
                rng: Box::new(ChaCha8Rng::seed_from_u64(seed)),
            },
            Sampling::Greedy | Sampling::Random { .. } => Self::Greedy,
        }
    }

    /// The next token's id; 0 for no logits.
    pub(crate) fn choose(&mut self, logits: &[f32]) -> u32 {
        match self {
            Self::Greedy => largest(logits),
            Self::Random {
                temperature,
                top_p,
                rng,
            } => {
                // 53 bits make every multiple of 2^-53 in [0, 1) equally likely.
                let share = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                draw(logits, *temperature, *top_p, share)
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

/// A token and its weight; ordered by weight, then by lower id.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    weight: f64,
    id: u32,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.weight
            .total_cmp(&other.weight)
            .then(other.id.cmp(&self.id))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The token at `share` in [0, 1) of the nucleus: the fewest tokens, most probable first, that hold `top_p` of
/// the softmax of `logits / temperature` (Holtzman et al. 2020). At least one token is in it.
fn draw(logits: &[f32], temperature: f64, top_p: f64, share: f64) -> u32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weigh = |(id, logit): (u32, &f32)| Candidate {
        weight: (f64::from(logit - top) / temperature).exp(),
        id,
    };
    let mut candidates: BinaryHeap<Candidate> = (0..).zip(logits).map(weigh).collect();
    let total: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
    let mut nucleus = Vec::new();
    let mut mass = 0.0;
    // A heap, because a nucleus is small and the vocabulary is not.
    while let Some(candidate) = candidates.pop() {
        mass += candidate.weight;
        nucleus.push(candidate);
        if mass >= top_p * total {
            break;
        }
    }
    let mut left = share * mass;
    for candidate in &nucleus {
        left -= candidate.weight;
        if left < 0.0 {
            return candidate.id;
        }
    }
    // Rounding can leave a trace of the mass undrawn.
    nucleus.last().map_or(0, |candidate| candidate.id)
}

#[cfg(test)]
mod tests;
