//! The tied head: log-probabilities of the target tokens and their derivative, in chunks.
//!
//! Only rows that predict a completion token come here, a chunk of them at a time, so the logits of
//! a prompt are never made and the memory for a vocabulary of 262,144 stays bounded. The derivative
//! is taken while a chunk's probabilities are at hand: they are not kept.

use candle_core::{Result, Tensor};
use frozen::{Factor, Sums, add_product, vectorised};
use rayon::prelude::*;

use crate::float::{Float, tensor, view};
use crate::kernels::softmax_in_place;
use crate::weight::Weight;

/// What the head says about the rows it was given.
pub(crate) struct HeadOutput {
    /// By row: log-probability of the target, nats.
    pub(crate) log_probabilities: Vec<f64>,
    /// By row: whether the target is the most probable token.
    pub(crate) greedy: Vec<bool>,
    /// Derivative of the weighted negative log-likelihood by the hidden rows, `[n, hidden]`.
    pub(crate) d_hidden: Option<Tensor>,
    /// The same by the embedding, `[vocab, hidden]`.
    pub(crate) d_embedding: Option<Tensor>,
}

/// What is wanted besides the log-probabilities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Nothing,
    Hidden,
    HiddenAndEmbedding,
}

/// `hidden` is `[n, hidden]` after the last norm, `targets` has `n` ids; the loss whose derivative is
/// given is `-weight` times the sum of the log-probabilities.
pub(crate) fn head<T: Float>(
    hidden: &Tensor,
    embedding: &Weight,
    targets: &[u32],
    weight: f64,
    chunk: usize,
    want: Want,
) -> Result<HeadOutput> {
    let (rows, width) = hidden.dims2()?;
    let vocabulary = embedding.shape()?.0;
    let mut output = HeadOutput {
        log_probabilities: Vec::with_capacity(rows),
        greedy: Vec::with_capacity(rows),
        d_hidden: None,
        d_embedding: None,
    };
    let mut d_embedding: Option<Vec<T>> = None;
    let mut d_hidden: Vec<T> = Vec::with_capacity(if want == Want::Nothing { 0 } else { rows * width });
    for (index, targets) in targets.chunks(chunk.max(1)).enumerate() {
        let part = hidden.narrow(0, index * chunk.max(1), targets.len())?.contiguous()?;
        let mut logits = embedding.forward::<T>(&part)?;
        if let Some(target) = targets.iter().find(|target| **target as usize >= vocabulary) {
            candle_core::bail!("target {target} is outside the vocabulary of {vocabulary}");
        }
        let rows = logits.par_chunks_exact_mut(vocabulary).zip(targets);
        let said: Vec<(f64, bool)> =
            rows.map(|(row, target)| judged(row, *target as usize, T::from_f64(weight))).collect();
        output.log_probabilities.extend(said.iter().map(|(log_probability, _)| log_probability));
        output.greedy.extend(said.iter().map(|(_, greedy)| greedy));
        if want == Want::Nothing {
            continue;
        }
        if want == Want::HiddenAndEmbedding {
            let sums = d_embedding.get_or_insert_with(|| vec![T::default(); vocabulary * width]);
            let (left, part) = (Factor::transposed(&logits, vocabulary), view::<T>(&part)?);
            let sums = Sums { values: sums, width };
            add_product(sums, left, Factor::rows(&part, width), targets.len(), T::from_f64(1.0));
        }
        let d_logits = tensor(logits, (targets.len(), vocabulary))?;
        let start = d_hidden.len();
        d_hidden.resize(start + targets.len() * width, T::default());
        embedding.backward::<T>(&d_logits, d_hidden.get_mut(start..).unwrap_or_default())?;
    }
    if want != Want::Nothing {
        output.d_hidden = Some(tensor(d_hidden, (rows, width))?);
        output.d_embedding = d_embedding.map(|sums| tensor(sums, (vocabulary, width))).transpose()?;
    }
    Ok(output)
}

/// The log-probability of the target, and whether it is the most probable token; `row` turns from logits to the derivative
/// of the loss by them.
fn judged<T: Float>(row: &mut [T], target: usize, weight: T) -> (f64, bool) {
    let greedy = T::argmax(row) == target;
    let logit = row.get(target).copied().unwrap_or_default();
    let log_sum = vectorised(|| softmax_in_place(row, weight));
    if let Some(p) = row.get_mut(target) {
        *p -= weight;
    }
    (logit.to_f64() - log_sum, greedy)
}

#[cfg(test)]
mod tests;
