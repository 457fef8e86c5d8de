//! Attention over the runs of a tree: a run's tokens see their own run up to themselves and every run before it on their path, at the
//! positions that they have in their sequence, `window` keys at most. What the branches of a run pull at its keys and values adds up.

use candle_core::{Result, Tensor};

use crate::float::Float;
use crate::kernels::{Rope, first_seen, masked_softmax, masked_softmax_backward, norm_rope, norm_rope_backward};
use crate::tree::{Node, Tree};

/// What a layer's attention is made of; the gains are `1 + weight` of its norms.
pub(crate) struct Attention<'a, T> {
    pub(crate) tree: &'a Tree,
    pub(crate) rope: &'a Rope<T>,
    pub(crate) query_gain: &'a [T],
    pub(crate) key_gain: &'a [T],
    pub(crate) eps: f64,
    /// Factor of the scores.
    pub(crate) scale: f64,
    /// Keys that a query sees.
    pub(crate) window: usize,
}

/// What the backward pass needs, by run: `q` is `[kv, group t, d]`, `k` and `v` are `[kv, t, d]`, `p` is `[kv, group t, keys]`.
#[derive(Default)]
pub(crate) struct SavedAttention {
    q: Vec<Tensor>,
    k: Vec<Tensor>,
    v: Vec<Tensor>,
    p: Vec<Tensor>,
}

/// The keys of one run that another sees: all from `skipped` on.
struct Seen {
    node: usize,
    skipped: usize,
    keys: usize,
}

impl<T: Float> Attention<'_, T> {
    /// From the projections, `[n, heads d]` and `[n, kv d]` by row of the tree, to the context, `[n, heads d]`.
    pub(crate) fn forward(&self, q_raw: &Tensor, k_raw: &Tensor, v_raw: &Tensor) -> Result<(Tensor, SavedAttention)> {
        let (mut saved, mut contexts) = (SavedAttention::default(), Vec::with_capacity(self.tree.nodes.len()));
        let kv_heads = k_raw.dim(1)? / self.key_gain.len();
        for (at, node) in self.tree.nodes.iter().enumerate() {
            let (q, k) = (rows(q_raw, node)?, rows(k_raw, node)?);
            let q = norm_rope(&q, self.query_gain, self.eps, self.rope, node.position, self.scale)?;
            // The queries that share a key head are stacked into rows, so keys are never repeated.
            let q = q.reshape((kv_heads, (), self.query_gain.len()))?;
            // Its own keys and values are the last that it sees.
            saved.k.push(norm_rope(&k, self.key_gain, self.eps, self.rope, node.position, 1.0)?);
            saved.v.push(split_heads(&rows(v_raw, node)?, kv_heads)?);
            let seen = self.seen(at, node);
            let scores: Result<Vec<Tensor>> = seen.iter().map(|part| q.matmul(&part.of(&saved.k)?.t()?)).collect();
            let p = masked_softmax::<T>(&Tensor::cat(&scores?, 2)?, node.tokens, self.window)?;
            let (mut context, mut from) = (None, 0);
            for part in &seen {
                context = added(context, p.narrow(2, from, part.keys)?.matmul(&part.of(&saved.v)?)?)?;
                from += part.keys;
            }
            contexts.extend(context.map(|context| join_heads(&context, node.tokens)).transpose()?);
            saved.q.push(q);
            saved.p.push(p);
        }
        Ok((Tensor::cat(&contexts, 0)?, saved))
    }

    /// From the derivative by the context to those by the three projections.
    pub(crate) fn backward(
        &self,
        (q_raw, k_raw): (&Tensor, &Tensor),
        saved: &SavedAttention,
        d_context: &Tensor,
    ) -> Result<[Tensor; 3]> {
        let nodes = &self.tree.nodes;
        let (mut dq, mut dk, mut dv) = (Vec::new(), vec![None; nodes.len()], vec![None; nodes.len()]);
        let heads = q_raw.dim(1)? / self.query_gain.len();
        for (at, ((node, q), p)) in nodes.iter().zip(&saved.q).zip(&saved.p).enumerate() {
            let d = split_heads(&rows(d_context, node)?, heads)?.reshape(q.shape())?;
            let seen = self.seen(at, node);
            let dp: Result<Vec<Tensor>> = seen.iter().map(|part| d.matmul(&part.of(&saved.v)?.t()?)).collect();
            let ds = masked_softmax_backward::<T>(p, &Tensor::cat(&dp?, 2)?, node.tokens, self.window)?;
            let (mut by_query, mut from) = (None, 0);
            for part in &seen {
                let (p, ds) = (p.narrow(2, from, part.keys)?, ds.narrow(2, from, part.keys)?);
                from += part.keys;
                by_query = added(by_query, ds.matmul(&part.of(&saved.k)?)?)?;
                part.add_to(&mut dk, ds.t()?.matmul(q)?)?;
                part.add_to(&mut dv, p.t()?.matmul(&d)?)?;
            }
            dq.push(by_query);
        }
        let mut by_row: [Vec<Tensor>; 3] = Default::default();
        for (node, ((dq, dk), dv)) in nodes.iter().zip(dq.into_iter().zip(dk).zip(dv)) {
            let (Some(dq), Some(dk), Some(dv)) = (dq, dk, dv) else { candle_core::bail!("a run sees itself") };
            let Self { query_gain, key_gain, eps, rope, scale, .. } = *self;
            let [of_q, of_k, of_v] = &mut by_row;
            of_q.push(norm_rope_backward(&rows(q_raw, node)?, query_gain, eps, rope, (node.position, scale), &dq)?);
            of_k.push(norm_rope_backward(&rows(k_raw, node)?, key_gain, eps, rope, (node.position, 1.0), &dk)?);
            of_v.push(join_heads(&dv, node.tokens)?);
        }
        let [q, k, v] = by_row.map(|runs| Tensor::cat(&runs, 0));
        Ok([q?, k?, v?])
    }

    /// The keys that the tokens of a run see, in the order of their positions; runs that lie before every token's window are left out.
    fn seen(&self, at: usize, node: &Node) -> Vec<Seen> {
        let first = first_seen(node.position, self.window);
        let path = self.tree.path(at).into_iter();
        let seen = path.filter_map(|node| {
            let run = self.tree.nodes.get(node)?;
            let skipped = first.saturating_sub(run.position).min(run.tokens);
            (skipped < run.tokens).then_some(Seen { node, skipped, keys: run.tokens - skipped })
        });
        seen.collect()
    }
}

impl Seen {
    /// What it is of every run's keys or values.
    fn of(&self, runs: &[Tensor]) -> Result<Tensor> {
        match runs.get(self.node) {
            Some(run) => run.narrow(1, self.skipped, self.keys),
            None => candle_core::bail!("run {} is not there yet", self.node),
        }
    }

    /// Adds a derivative by these keys or values to that of the whole run.
    fn add_to(&self, sums: &mut [Option<Tensor>], part: Tensor) -> Result<()> {
        let part = if self.skipped == 0 { part } else { part.pad_with_zeros(1, self.skipped, 0)? };
        if let Some(sum) = sums.get_mut(self.node) {
            *sum = added(sum.take(), part)?;
        }
        Ok(())
    }
}

fn added(sum: Option<Tensor>, part: Tensor) -> Result<Option<Tensor>> {
    Ok(Some(match sum {
        Some(sum) => (sum + part)?,
        None => part,
    }))
}

/// The rows of a run.
fn rows(x: &Tensor, node: &Node) -> Result<Tensor> {
    x.narrow(0, node.row, node.tokens)
}

/// `[t, h d]` to `[h, t, d]`.
fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (tokens, width) = x.dims2()?;
    x.reshape((tokens, heads, width / heads))?.transpose(0, 1)?.contiguous()
}

/// `[kv, group t, d]` to `[t, kv group d]`; with a group of one this undoes [`split_heads`].
fn join_heads(x: &Tensor, tokens: usize) -> Result<Tensor> {
    let width = x.dim(2)?;
    let x = x.contiguous()?.reshape(((), tokens, width))?.transpose(0, 1)?.contiguous()?;
    x.reshape((tokens, ()))
}

#[cfg(test)]
mod tests;
