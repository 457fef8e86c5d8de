//! Direct preference optimisation (Rafailov et al. 2023): the mean over pairs of `-log sigmoid(beta (r_chosen -
//! r_rejected))`, `r` being the log-ratio of a completion to the reference.

use super::{Objective, Scored, Terms, share, sigmoid};

pub(super) struct Dpo {
    pub(super) beta: f64,
}

impl Objective for Dpo {
    fn weight(&self, items: usize, _targets: usize) -> f64 {
        share(items)
    }

    fn terms(&self, sequences: &[Scored<'_>], _z0: f64) -> Terms {
        let mut terms = Terms::default();
        for [chosen, rejected] in sequences.as_chunks::<2>().0 {
            let margin = chosen.log_ratio() - rejected.log_ratio();
            let scaled = self.beta * margin;
            // -log sigmoid, without overflow on either side.
            terms.loss += (-scaled).max(0.0) + (-scaled.abs()).exp().ln_1p();
            let slope = self.beta * sigmoid(-scaled);
            terms.slopes.extend([slope, -slope]);
            terms.right += usize::from(margin > 0.0);
        }
        terms
    }
}
