//! Imitation: the mean negative log-likelihood of the completion tokens.

use super::{Objective, Scored, Terms, share};

pub(super) struct Sft;

impl Objective for Sft {
    fn weight(&self, _items: usize, targets: usize) -> f64 {
        share(targets)
    }

    fn terms(&self, sequences: &[Scored<'_>], _z0: f64) -> Terms {
        // One sum over all tokens: sums of sums would round otherwise.
        let sum: f64 = sequences.iter().flat_map(|sequence| sequence.log_probabilities).sum();
        Terms { loss: -sum, slopes: vec![1.0; sequences.len()], right: 0 }
    }
}
