//! How well held-out examples are predicted, and which evaluation was the best.

use gemma::TokenisedExample;
use jobs::TrainingArguments;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, split_microbatches};
use crate::error::TrainError;
use crate::model::{Model, Score};
use crate::parallel::in_parallel;

/// One evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evaluation {
    /// Steps done.
    pub(crate) step: usize,
    /// Nats a completion token.
    pub(crate) loss: f64,
    /// Share of the replies that greedy decoding gives exactly.
    pub(crate) exact: f64,
}

impl Evaluation {
    /// Looks at `examples`, in pieces no larger than those that are learnt from.
    pub(crate) fn of(
        model: &Model<f32>,
        examples: &[TokenisedExample],
        pad: u32,
        arguments: &TrainingArguments,
        step: usize,
    ) -> Result<Self, TrainError> {
        let (tokens, threads) = (arguments.micro_batch_tokens as usize, arguments.threads as usize);
        let mut sorted: Vec<&TokenisedExample> = examples.iter().collect();
        sorted.sort_by_key(|e| e.ids.len());
        let mut scores: Vec<Score> = Vec::with_capacity(examples.len());
        for piece in sorted.chunks((arguments.batch_size as usize).max(1)) {
            for round in split_microbatches(piece, tokens, threads) {
                let score = |part: &Vec<&TokenisedExample>| {
                    Ok(model.score(&Batch::new(part, pad), arguments.head_chunk as usize)?)
                };
                scores.extend(in_parallel(&round, threads, score)?.into_iter().flatten());
            }
        }
        let tokens: usize = scores.iter().map(|s| s.tokens).sum();
        let loss: f64 = scores.iter().map(|s| s.loss).sum();
        let exact = scores.iter().filter(|s| s.exact).count();
        Ok(Self { step, loss: loss / tokens.max(1) as f64, exact: exact as f64 / scores.len().max(1) as f64 })
    }

    /// By loss, which every token enters; among equals by exact replies, of which a few decide.
    pub(crate) fn is_better_than(&self, other: &Self) -> bool {
        self.loss.total_cmp(&other.loss).then(other.exact.total_cmp(&self.exact)).is_lt()
    }
}

#[cfg(test)]
mod tests;
