//! The tied head: log-probabilities of the target tokens and their derivative, in chunks.
//!
//! Only rows that predict a completion token come here, a chunk of them at a time, so the logits of
//! a prompt are never made and the memory for a vocabulary of 262,144 stays bounded. The derivative
//! is taken while a chunk's probabilities are at hand: they are not kept.

use candle_core::{Result, Tensor};

use crate::float::{Float, tensor, view};
use crate::kernels::softmax_row;
use crate::linear::add_scaled;
use crate::soft::Soft;

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

/// `hidden` is `[n, hidden]` after the last norm, with `n` targets; the loss whose derivative is
/// given is `-weight` times the sum of what stands for the log-probabilities.
pub(crate) fn head<T: Float>(
    hidden: &Tensor,
    embedding: &Tensor,
    targets: Targets<'_>,
    weight: f64,
    chunk: usize,
    want: Want,
) -> Result<HeadOutput> {
    let (rows, width) = hidden.dims2()?;
    let vocabulary = embedding.dim(0)?;
    let mut output = HeadOutput {
        log_probabilities: Vec::with_capacity(rows),
        greedy: Vec::with_capacity(rows),
        d_hidden: None,
        d_embedding: None,
    };
    let mut d_hidden: Vec<T> = Vec::with_capacity(if want == Want::Nothing { 0 } else { rows * width });
    let mut soft = targets.soft.iter();
    for (index, targets) in targets.ids.chunks(chunk.max(1)).enumerate() {
        let part = hidden.narrow(0, index * chunk.max(1), targets.len())?.contiguous()?;
        let logits = part.matmul(&embedding.t()?)?;
        let logits = view::<T>(&logits)?;
        let mut p = vec![T::default(); logits.len()];
        for ((row, p), target) in logits.chunks_exact(vocabulary).zip(p.chunks_exact_mut(vocabulary)).zip(targets) {
            let target = *target as usize;
            let Some(logit) = row.get(target) else {
                candle_core::bail!("target {target} is outside the vocabulary of {vocabulary}");
            };
            let log_sum = softmax_row(row, p);
            output.greedy.push(T::argmax(row) == target);
            if let Some(soft) = soft.next().and_then(Option::as_ref) {
                if soft.known.iter().any(|(id, _)| *id as usize >= vocabulary) {
                    candle_core::bail!("a soft target is outside the vocabulary of {vocabulary}");
                }
                let log_p = |id: usize| row.get(id).map_or(f64::NEG_INFINITY, |logit| logit.to_f64() - log_sum);
                output.log_probabilities.push(-soft.apply(target, p, log_p));
                p.iter_mut().for_each(|p| *p *= T::from_f64(weight));
                continue;
            }
            output.log_probabilities.push(logit.to_f64() - log_sum);
            if want != Want::Nothing {
                let weight = T::from_f64(weight);
                p.iter_mut().for_each(|p| *p *= weight);
                p[target] -= weight;
            }
        }
        if want == Want::Nothing {
            continue;
        }
        let d_logits = tensor(p, (targets.len(), vocabulary))?;
        d_hidden.extend_from_slice(&view::<T>(&d_logits.matmul(embedding)?)?);
        if want == Want::HiddenAndEmbedding {
            let d = d_logits.t()?.matmul(&part)?;
            output.d_embedding = Some(match output.d_embedding.take() {
                Some(sum) => add_scaled::<T>(&sum, &d, 1.0)?,
                None => d,
            });
        }
    }
    if want != Want::Nothing {
        output.d_hidden = Some(tensor(d_hidden, (rows, width))?);
    }
    Ok(output)
}

#[cfg(test)]
mod tests;
