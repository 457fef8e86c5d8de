//! The frozen reference: what it gives every completion, measured once before the first step.
//!
//! A run by preferences starts from the reference, so the reference is the model as it starts: it costs no memory of its
//! own, only its sums are kept. Batches are fixed, so the mismatched pairs are too. A resumed run measures again.

use crate::error::TrainError;
use crate::item::{Item, Sequence};
use crate::model::Score;
use crate::passes::Passes;

/// Fills in the reference's sums; the model of `passes` has to hold the reference's parameters.
pub(crate) fn measure(passes: &Passes<'_, f32>, items: &mut [Item], batches: &[Vec<usize>]) -> Result<(), TrainError> {
    for batch in batches {
        // In the very passes in which they are learnt from, so that a log-ratio starts at 0 exactly.
        let whole: Vec<&[Sequence]> =
            batch.iter().filter_map(|at| items.get(*at)).map(|item| item.sequences.as_slice()).collect();
        let scores = passes.scores(&whole)?;
        let mismatched: Vec<&[Sequence]> =
            batch.iter().filter_map(|at| items.get(*at)).map(|item| item.mismatched.as_slice()).collect();
        let mismatched_scores =
            if mismatched.iter().all(|one| one.is_empty()) { Vec::new() } else { passes.scores(&mismatched)? };
        for (place, scores) in scores {
            let item = batch.get(place).and_then(|at| items.get_mut(*at));
            fill(item.into_iter().flat_map(|item| &mut item.sequences), &scores);
        }
        for (place, scores) in mismatched_scores {
            let item = batch.get(place).and_then(|at| items.get_mut(*at));
            fill(item.into_iter().flat_map(|item| &mut item.mismatched), &scores);
        }
    }
    Ok(())
}

fn fill<'a>(sequences: impl Iterator<Item = &'a mut Sequence>, scores: &[Score]) {
    for (sequence, score) in sequences.zip(scores) {
        sequence.reference = -score.loss;
    }
}

/// What the desirable completions cost the reference a token, nats; `None` when there are none.
pub(crate) fn desirable_loss(items: &[Item]) -> Option<f64> {
    let desirable = || items.iter().flat_map(|item| &item.sequences).filter(|sequence| sequence.desirable);
    let tokens: usize = desirable().map(Sequence::targets).sum();
    (tokens > 0).then(|| -desirable().map(|sequence| sequence.reference).sum::<f64>() / tokens as f64)
}
