//! The tied head, a chunk of rows at a time: what it says goes to the host in f64, its derivative stays on the device.

use candle_core::{DType, Result, Tensor};

use crate::head::Targets;
use crate::soft::Soft;

/// What the head says about the rows it was given.
pub(super) struct Said {
    /// By row: log-probability of the target, nats; of a row with a soft target, minus its loss.
    pub(super) log_probabilities: Vec<f64>,
    /// By row: whether the target is the most probable token.
    pub(super) greedy: Vec<bool>,
    /// Derivative of the sum of the losses by the hidden rows, `[n, hidden]`.
    pub(super) d_hidden: Option<Tensor>,
}

/// `hidden` is `[n, hidden]` after the last norm, with `n` targets; logits are taken in its format and widened to `sums`.
pub(super) fn head(
    hidden: &Tensor,
    embedding: &Tensor,
    targets: Targets<'_>,
    (chunk, sums): (usize, DType),
    derivative: bool,
) -> Result<Said> {
    targets.check(embedding.dim(0)?)?;
    let mut said = Said { log_probabilities: Vec::new(), greedy: Vec::new(), d_hidden: None };
    let mut parts = Vec::new();
    for (index, ids) in targets.ids.chunks(chunk.max(1)).enumerate() {
        let start = index * chunk.max(1);
        let soft = targets.soft.get(start..).unwrap_or_default();
        let rows = Rows { ids, soft: soft.get(..ids.len()).unwrap_or_default() };
        let part = hidden.narrow(0, start, ids.len())?;
        let logits = part.matmul(&embedding.t()?)?.to_dtype(sums)?;
        let d_logits = rows.judge(&logits, &mut said)?;
        if derivative {
            parts.push(d_logits.to_dtype(hidden.dtype())?.matmul(embedding)?.to_dtype(sums)?);
        }
    }
    if derivative {
        said.d_hidden = Some(Tensor::cat(&parts, 0)?);
    }
    Ok(said)
}

/// A chunk's targets.
struct Rows<'a> {
    ids: &'a [u32],
    /// By row, or empty.
    soft: &'a [Option<Soft>],
}

impl Rows<'_> {
    fn soft(&self, row: usize) -> Option<&Soft> {
        self.soft.get(row)?.as_ref()
    }

    /// The tokens of each row that are looked at one by one: its target, then those that the teacher spoke of, then its
    /// target again until all rows have as many.
    fn columns(&self) -> (usize, Vec<u32>) {
        let known = |row: usize| self.soft(row).map_or(&[][..], |soft| soft.known.as_slice());
        let width = 1 + (0..self.ids.len()).map(|row| known(row).len()).max().unwrap_or(0);
        let of = |(row, id): (usize, &u32)| {
            let known = known(row).iter().map(|(id, _)| *id);
            std::iter::once(*id).chain(known).chain(std::iter::repeat(*id)).take(width).collect::<Vec<u32>>()
        };
        (width, self.ids.iter().enumerate().flat_map(of).collect())
    }

    /// Says how every row is predicted, and gives the derivative of its loss by its logits. Sums over the vocabulary are
    /// the device's, everything else is the host's.
    fn judge(&self, logits: &Tensor, said: &mut Said) -> Result<Tensor> {
        let (rows, device, sums) = (self.ids.len(), logits.device(), logits.dtype());
        let (width, columns) = self.columns();
        let columns = Tensor::from_vec(columns, (rows, width), device)?;
        let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?)?;
        let e = shifted.exp()?;
        let total = e.sum_keepdim(1)?;
        let p = e.broadcast_div(&total)?;
        let mut log_p: Vec<Vec<f64>> = shifted.gather(&columns, 1)?.to_dtype(DType::F64)?.to_vec2()?;
        for (log_p, total) in log_p.iter_mut().zip(column(&total)?) {
            log_p.iter_mut().for_each(|shifted| *shifted -= total.ln());
        }
        let others = if self.soft.iter().any(Option::is_some) { Some(self.others(&p, &columns, width)?) } else { None };
        let (mut scales, mut added) = (Vec::with_capacity(rows), vec![0.0; rows * width]);
        for (row, (log_p, added)) in log_p.iter().zip(added.chunks_exact_mut(width)).enumerate() {
            let of_target = log_p.first().copied().unwrap_or(f64::NEG_INFINITY);
            let Some(soft) = self.soft(row) else {
                said.log_probabilities.push(of_target);
                scales.push(1.0);
                added[0] = -1.0;
                continue;
            };
            let others = others.as_ref().and_then(|others| others.get(row)).copied().unwrap_or(0.0);
            let scale = soft.scale(others);
            said.log_probabilities.push(-soft.loss(others, of_target, log_p.iter().skip(1).copied()));
            scales.push(scale);
            added[0] = soft.weight - 1.0;
            for ((added, log_p), (_, t)) in added.iter_mut().zip(log_p).skip(1).zip(&soft.known) {
                *added = log_p.exp() * (1.0 - scale) - soft.weight * t;
            }
        }
        let greedy = logits.argmax(1)?.to_vec1::<u32>()?;
        said.greedy.extend(greedy.iter().zip(self.ids).map(|(top, id)| top == id));
        let d = match others {
            Some(_) => p.broadcast_mul(&Tensor::from_vec(scales, (rows, 1), device)?.to_dtype(sums)?)?,
            None => p,
        };
        d.scatter_add(&columns, &Tensor::from_vec(added, (rows, width), device)?.to_dtype(sums)?, 1)
    }

    /// By row, what all tokens of which the teacher did not speak are given. Summed, not taken from 1: it may be far smaller
    /// than what a number near 1 can tell.
    fn others(&self, p: &Tensor, columns: &Tensor, width: usize) -> Result<Vec<f64>> {
        let known = |row: usize| self.soft(row).map_or(0, |soft| soft.known.len());
        let taken = (0..self.ids.len()).flat_map(|row| (0..width).map(move |at| (row, at)));
        let taken = taken.map(|(row, at)| if (1..=known(row)).contains(&at) { -1.0 } else { 0.0 });
        let taken = Tensor::from_vec(taken.collect::<Vec<f64>>(), (self.ids.len(), width), p.device())?;
        let taken = (p.gather(columns, 1)? * taken.to_dtype(p.dtype())?)?;
        column(&p.scatter_add(columns, &taken, 1)?.sum_keepdim(1)?)
    }
}

/// A number for each row, on the host.
fn column(values: &Tensor) -> Result<Vec<f64>> {
    values.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}
