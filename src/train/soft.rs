//! Soft targets: rows of the head for which the teacher said how probable the tokens were that it considered.
//!
//! A teacher gives the probabilities of its few likeliest tokens (`top_logprobs`), not of all. With `t` the known ones and `r`
//! what is left of 1, `p` the student's probabilities and `o` what it gives to all tokens that are not known, a row's loss is
//!
//! `(1 - w) (-ln p[target]) + w (sum of t ln(t / p) + r ln(r / o))`:
//!
//! cross-entropy, mixed with the forward Kullback-Leibler divergence (Hinton et al. 2015) over the known tokens and one outcome
//! for all others. The known ones are not scaled up to 1, because that would teach the student to be surer than its teacher; nor does the
//! target get the rest, which it has no claim to (Anshumann et al. 2025 show both biases for cached top-k probabilities). How the
//! student spreads `o` is left to it: the derivative by the logits is `p - t` for a known token and `p (1 - r / o)` for
//! another.

use crate::float::Float;

/// What the teacher said about one token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Soft {
    /// The divergence's part of the loss, from 0 to 1.
    pub(crate) weight: f64,
    /// Distinct tokens with their probabilities, of which the sum is 1 at most.
    pub(crate) known: Vec<(u32, f64)>,
}

impl Soft {
    /// The loss of a row, nats. `p`, its probabilities, become the derivative by its logits. `log_p` is the logarithm of a
    /// token's probability; every known token and `target` are in the vocabulary.
    pub(crate) fn apply<T: Float>(&self, target: usize, p: &mut [T], log_p: impl Fn(usize) -> f64) -> f64 {
        let w = self.weight;
        let kept: Vec<(usize, T)> =
            self.known.iter().filter_map(|(id, _)| Some((*id as usize, *p.get(*id as usize)?))).collect();
        kept.iter().for_each(|(id, _)| p[*id] = T::default());
        // Summed, not taken from 1: it may be far smaller than what a number near 1 can tell.
        let others: f64 = p.iter().map(|p| p.to_f64()).sum();
        let scale = T::from_f64(self.scale(others));
        p.iter_mut().for_each(|p| *p *= scale);
        for ((id, was), (_, t)) in kept.iter().zip(&self.known) {
            p[*id] = *was - T::from_f64(w * t);
        }
        p[target] -= T::from_f64(1.0 - w);
        self.loss(others, log_p(target), self.known.iter().map(|(id, _)| log_p(*id as usize)))
    }

    /// What the teacher left for all tokens of which it did not speak.
    fn rest(&self) -> f64 {
        (1.0 - self.known.iter().map(|(_, t)| t).sum::<f64>()).max(0.0)
    }

    /// What the probability of a token that is not known counts in the derivative by its logit, where all of them together
    /// are given `others`.
    pub(crate) fn scale(&self, others: f64) -> f64 {
        if others > 0.0 { 1.0 - self.weight * self.rest() / others } else { 1.0 }
    }

    /// The loss of a row, nats, by what its unknown tokens are given and the logarithms of what the target and the known
    /// tokens are.
    pub(crate) fn loss(&self, others: f64, target: f64, known: impl Iterator<Item = f64>) -> f64 {
        let rest = self.rest();
        let mut divergence = if rest > 0.0 { rest * (rest.ln() - others.max(f64::MIN_POSITIVE).ln()) } else { 0.0 };
        for ((_, t), log_p) in self.known.iter().zip(known) {
            if *t > 0.0 {
                divergence += t * (t.ln() - log_p);
            }
        }
        self.weight * divergence - (1.0 - self.weight) * target
    }
}

#[cfg(test)]
mod tests;
