//! The tied head: log-probabilities of the target tokens and their derivative, in chunks.
//!
//! Only rows that predict a completion token come here, a chunk of them at a time, so the logits of
//! a prompt are never made and the memory for a vocabulary of 262,144 stays bounded. The derivative
//! is taken while a chunk's probabilities are at hand: they are not kept.

use std::collections::HashMap;

use candle_core::{Result, Tensor};
use frozen::{Factor, Sums, add_product, vectorised};
use rayon::prelude::*;

use crate::float::{Float, tensor, view};
use crate::kernels::softmax_in_place;
use crate::soft::Soft;
use crate::weight::Weight;

/// What the head says about the rows it was given.
pub(crate) struct HeadOutput {
    /// By row: log-probability of the target, nats; of a row with a soft target, minus its loss.
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

/// What the rows should predict.
#[derive(Clone, Copy)]
pub(crate) struct Targets<'a> {
    /// By row.
    pub(crate) ids: &'a [u32],
    /// By row, or empty.
    pub(crate) soft: &'a [Option<Soft>],
}

impl Targets<'_> {
    /// # Errors
    /// When a token is outside the vocabulary.
    pub(crate) fn check(&self, vocabulary: usize) -> Result<()> {
        let known = self.soft.iter().flatten().flat_map(|soft| &soft.known).map(|(id, _)| id);
        match self.ids.iter().chain(known).find(|id| **id as usize >= vocabulary) {
            Some(token) => candle_core::bail!("target {token} is outside the vocabulary of {vocabulary}"),
            None => Ok(()),
        }
    }
}

/// `hidden` is `[n, hidden]` after the last norm, with `n` targets; the loss whose derivative is
/// given is `-weight` times the sum of what stands for the log-probabilities.
pub(crate) fn head<T: Float>(
    hidden: &Tensor,
    embedding: &Weight,
    targets: Targets<'_>,
    weight: f64,
    chunk: usize,
    want: Want,
) -> Result<HeadOutput> {
    let (rows, width) = hidden.dims2()?;
    let vocabulary = embedding.shape()?.0;
    targets.check(vocabulary)?;
    let mut output = HeadOutput {
        log_probabilities: Vec::with_capacity(rows),
        greedy: Vec::with_capacity(rows),
        d_hidden: None,
        d_embedding: None,
    };
    let mut d_embedding: Option<Vec<T>> = None;
    let mut d_hidden: Vec<T> = Vec::with_capacity(if want == Want::Nothing { 0 } else { rows * width });
    for (index, ids) in targets.ids.chunks(chunk.max(1)).enumerate() {
        let start = index * chunk.max(1);
        let part = hidden.narrow(0, start, ids.len())?.contiguous()?;
        let mut logits = embedding.forward::<T>(&part)?;
        let soft = targets.soft.get(start..).unwrap_or_default();
        let rows = logits.par_chunks_exact_mut(vocabulary).zip(ids).enumerate();
        let judged = |(at, (row, id)): (usize, (&mut [T], &u32))| {
            judged(row, *id as usize, soft.get(at).and_then(Option::as_ref), weight)
        };
        let said: Vec<(f64, bool)> = rows.map(judged).collect();
        output.log_probabilities.extend(said.iter().map(|(log_probability, _)| log_probability));
        output.greedy.extend(said.iter().map(|(_, greedy)| greedy));
        if want == Want::Nothing {
            continue;
        }
        if want == Want::HiddenAndEmbedding {
            let sums = d_embedding.get_or_insert_with(|| vec![T::default(); vocabulary * width]);
            let (left, part) = (Factor::transposed(&logits, vocabulary), view::<T>(&part)?);
            let sums = Sums::rows(sums, width);
            add_product(sums, left, Factor::rows(&part, width), ids.len(), T::from_f64(1.0));
        }
        let d_logits = tensor(logits, (ids.len(), vocabulary))?;
        let start = d_hidden.len();
        d_hidden.resize(start + ids.len() * width, T::default());
        embedding.backward::<T>(&d_logits, d_hidden.get_mut(start..).unwrap_or_default())?;
    }
    if want != Want::Nothing {
        output.d_hidden = Some(tensor(d_hidden, (rows, width))?);
        output.d_embedding = d_embedding.map(|sums| tensor(sums, (vocabulary, width))).transpose()?;
    }
    Ok(output)
}

/// The log-probability of the target, or what stands for it, and whether it is the most probable token; `row` turns from
/// logits to the derivative of the loss by them. All tokens are in the vocabulary.
fn judged<T: Float>(row: &mut [T], target: usize, soft: Option<&Soft>, weight: f64) -> (f64, bool) {
    let greedy = T::argmax(row) == target;
    let logit = |row: &[T], id: usize| row.get(id).map_or(f64::NEG_INFINITY, |logit| logit.to_f64());
    let of_target = logit(row, target);
    let Some(soft) = soft else {
        let weight = T::from_f64(weight);
        let log_sum = vectorised(|| softmax_in_place(row, weight));
        if let Some(p) = row.get_mut(target) {
            *p -= weight;
        }
        return (of_target - log_sum, greedy);
    };
    let known: HashMap<usize, f64> =
        soft.known.iter().map(|(id, _)| (*id as usize, logit(row, *id as usize))).collect();
    let log_sum = softmax_in_place(row, T::from_f64(1.0));
    let loss = soft.apply(target, row, |id| known.get(&id).copied().unwrap_or(of_target) - log_sum);
    row.iter_mut().for_each(|p| *p *= T::from_f64(weight));
    (-loss, greedy)
}

#[cfg(test)]
mod tests;
