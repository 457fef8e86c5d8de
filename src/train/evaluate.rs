//! How well held-out examples are predicted, or preferred, and which evaluation was the best.

use jobs::Progress;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::item::{Item, Sequence, tokens};
use crate::model::Score;
use crate::objective::{Objective, Scored};
use crate::passes::Passes;

/// How much more than the reference the desirable completions may cost a token before a run by preferences is said to
/// do harm.
const SFT_LOSS_RISE_MAX: f64 = 0.05;

/// One evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evaluation {
    /// Steps done.
    pub(crate) step: usize,
    /// What is minimised: nats a completion token, or a preference objective's mean.
    pub(crate) loss: f64,
    /// Share of the (desirable) replies that greedy decoding gives exactly.
    pub(crate) exact: f64,
    /// Only of a preference objective.
    #[serde(default)]
    pub(crate) preference: Option<Preference>,
}

/// What an evaluation by preferences says besides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Preference {
    /// Share of the items that are preferred as they should be.
    pub(crate) accuracy: f64,
    /// What the desirable completions cost, nats a token; `None` without any.
    pub(crate) sft_loss: Option<f64>,
    /// Mean of the batches' reference points, nats; `None` for an objective without one.
    pub(crate) kl: Option<f64>,
}

impl Evaluation {
    /// Imitation of `items`, in pieces no larger than those that are learnt from.
    pub(crate) fn of(passes: &Passes<'_, f32>, items: &[Item], step: usize) -> Result<Self, TrainError> {
        let mut sorted: Vec<&[Sequence]> = items.iter().map(|item| item.sequences.as_slice()).collect();
        // What begins alike goes through the model together.
        sorted.sort_by_cached_key(|item| tokens(item));
        let mut scores: Vec<Score> = Vec::with_capacity(items.len());
        for piece in sorted.chunks((passes.arguments.batch_size as usize).max(1)) {
            scores.extend(passes.scores(piece)?.into_iter().flat_map(|(_, scores)| scores));
        }
        let (loss, exact) = imitation(&scores);
        Ok(Self { step, loss: loss.unwrap_or(0.0), exact, preference: None })
    }

    /// Preferences of `items`, in their fixed batches.
    pub(crate) fn of_preferences(
        passes: &Passes<'_, f32>,
        objective: &dyn Objective,
        items: &[Item],
        batches: &[Vec<usize>],
        step: usize,
    ) -> Result<Self, TrainError> {
        let (mut loss, mut right, mut kl) = (0.0, 0, Vec::new());
        let mut desirable: Vec<Score> = Vec::new();
        for batch in batches {
            let items: Vec<&Item> = batch.iter().filter_map(|at| items.get(*at)).collect();
            let z0 = passes.z0(&items)?;
            kl.extend(z0);
            let whole: Vec<&[Sequence]> = items.iter().map(|item| item.sequences.as_slice()).collect();
            for (place, scores) in passes.scores(&whole)? {
                let sums: Vec<f64> = scores.iter().map(|score| -score.loss).collect();
                let sequences = whole.get(place).copied().unwrap_or_default();
                let scored: Vec<Scored<'_>> =
                    sequences.iter().zip(&sums).map(|(s, sum)| s.scored(std::slice::from_ref(sum))).collect();
                let terms = objective.terms(&scored, z0.unwrap_or(0.0));
                loss += terms.loss;
                right += terms.right;
                desirable.extend(sequences.iter().zip(scores).filter(|(s, _)| s.desirable).map(|(_, score)| score));
            }
        }
        let (sft_loss, exact) = imitation(&desirable);
        let of_all = |sum: f64| sum / items.len().max(1) as f64;
        let mean_kl = (!kl.is_empty()).then(|| kl.iter().sum::<f64>() / kl.len() as f64);
        let preference = Some(Preference { accuracy: of_all(right as f64), sft_loss, kl: mean_kl });
        Ok(Self { step, loss: of_all(loss), exact, preference })
    }

    /// Why a run by preferences should end here and not keep what it has come to: it forgets what `reference_loss` (nats
    /// a token of the desirable completions) was, or has left the region in which its rewards still tell apart.
    pub(crate) fn harm(&self, reference_loss: Option<f64>, beta: f64) -> Option<String> {
        let Preference { sft_loss, kl, .. } = self.preference?;
        if let (Some(loss), Some(before)) = (sft_loss, reference_loss)
            && loss > before * (1.0 + SFT_LOSS_RISE_MAX)
        {
            let rise = SFT_LOSS_RISE_MAX * 100.0;
            return Some(format!(
                "desirable held-out completions cost {loss:.4} nats a token, more than {rise} % over the reference's {before:.4}"
            ));
        }
        let kl = kl.filter(|kl| kl * beta > 1.0)?;
        Some(format!("the held-out kl is {kl:.4} nats, over 1 / beta = {:.4}", 1.0 / beta))
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress::HeldOut {
            step: self.step as u64,
            loss: self.loss,
            exact: self.exact,
            rewards_accuracies: self.preference.map(|preference| preference.accuracy),
            sft_loss: self.preference.and_then(|preference| preference.sft_loss),
        }
    }

    /// By loss, which every token enters; among equals by exact replies, of which a few decide.
    pub(crate) fn is_better_than(&self, other: &Self) -> bool {
        self.loss.total_cmp(&other.loss).then(other.exact.total_cmp(&self.exact)).is_lt()
    }
}

/// Mean loss a token, if there is one, and the share of exact replies.
fn imitation(scores: &[Score]) -> (Option<f64>, f64) {
    let tokens: usize = scores.iter().map(|s| s.tokens).sum();
    let loss: f64 = scores.iter().map(|s| s.loss).sum();
    let exact = scores.iter().filter(|s| s.exact).count();
    ((tokens > 0).then(|| loss / tokens as f64), exact as f64 / scores.len().max(1) as f64)
}

#[cfg(test)]
mod tests;
