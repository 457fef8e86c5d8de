//! Kahneman-Tversky optimisation (Ethayarajh et al. 2024, equation 7), as TRL computes it: the mean over all examples of
//! `weight (1 - sigmoid(beta (r - z0)))` for a desirable completion and `weight (1 - sigmoid(beta (z0 - r)))` for an
//! undesirable one, `r` being its log-ratio to the reference. A batch with labels of one kind only is nothing special.

use jobs::ObjectiveArguments;

use super::{Objective, Scored, Terms, share, sigmoid};

pub(super) struct Kto(pub(super) ObjectiveArguments);

/// The reference point: how far the model has moved from the reference on the mismatched pairs of a batch, never below
/// 0. It is held constant; no gradient goes through it.
pub(crate) fn z0(log_ratios: &[f64]) -> f64 {
    (log_ratios.iter().sum::<f64>() * share(log_ratios.len())).max(0.0)
}

impl Objective for Kto {
    fn weight(&self, items: usize, _targets: usize) -> f64 {
        share(items)
    }

    fn terms(&self, sequences: &[Scored<'_>], z0: f64) -> Terms {
        let Self(ObjectiveArguments { beta, desirable_weight, undesirable_weight, .. }) = *self;
        let mut terms = Terms::default();
        for sequence in sequences {
            let (sign, weight) = if sequence.desirable { (1.0, desirable_weight) } else { (-1.0, undesirable_weight) };
            let gain = sign * (sequence.log_ratio() - z0);
            let (value, rest) = (sigmoid(beta * gain), sigmoid(-beta * gain));
            terms.loss += weight * rest;
            terms.slopes.push(sign * weight * beta * value * rest);
            terms.right += usize::from(gain > 0.0);
        }
        terms
    }
}
