//! Attention over the runs of a tree: a run's tokens see their own run up to themselves and every run before it on their path, at the
//! positions that they have in their sequence, `window` keys at most. What the branches of a run pull at its keys and values adds up.

use std::ops::Range;

use candle_core::{Result, Tensor};
use frozen::{Factor, Sums, add_product};

use crate::float::{Float, View, tensor, view};
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
    /// Their columns among all keys that are seen.
    columns: Range<usize>,
}

impl<T: Float> Attention<'_, T> {
    /// From the projections, `[n, heads d]` and `[n, kv d]` by row of the tree, to the context, `[n, heads d]`.
    pub(crate) fn forward(&self, q_raw: &Tensor, k_raw: &Tensor, v_raw: &Tensor) -> Result<(Tensor, SavedAttention)> {
        let (mut saved, mut contexts) = (SavedAttention::default(), Vec::with_capacity(self.tree.nodes.len()));
        let d = self.key_gain.len();
        let kv_heads = k_raw.dim(1)? / d;
        for (at, node) in self.tree.nodes.iter().enumerate() {
            let (q, k) = (rows(q_raw, node)?, rows(k_raw, node)?);
            let q = norm_rope(&q, self.query_gain, self.eps, self.rope, node.position, self.scale)?;
            // The queries that share a key head are stacked into rows, so keys are never repeated.
            let q = q.reshape((kv_heads, (), d))?;
            // Its own keys and values are the last that it sees.
            saved.k.push(norm_rope(&k, self.key_gain, self.eps, self.rope, node.position, 1.0)?);
            saved.v.push(split_heads(&rows(v_raw, node)?, kv_heads)?);
            let seen = self.seen(at, node);
            let scores = products::<T>(&q, &saved.k, &seen)?;
            let p = masked_softmax::<T>(&scores, node.tokens, self.window)?;
            let context = sums::<T>(&p, &saved.v, &seen)?;
            contexts.push(join_heads(&context, node.tokens)?);
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
        let empty = |of: &[Tensor]| of.iter().map(|run| vec![T::default(); run.elem_count()]).collect::<Vec<_>>();
        let (mut by_query, mut by_key, mut by_value) = (Vec::new(), empty(&saved.k), empty(&saved.v));
        let heads = q_raw.dim(1)? / self.query_gain.len();
        for (at, ((node, q), p)) in nodes.iter().zip(&saved.q).zip(&saved.p).enumerate() {
            let d = split_heads(&rows(d_context, node)?, heads)?.reshape(q.shape())?;
            let seen = self.seen(at, node);
            let dp = products::<T>(&d, &saved.v, &seen)?;
            let ds = masked_softmax_backward::<T>(p, &dp, node.tokens, self.window)?;
            by_query.push(sums::<T>(&ds, &saved.k, &seen)?);
            add_to_keys::<T>(&ds, q, &seen, &mut by_key)?;
            add_to_keys::<T>(p, &d, &seen, &mut by_value)?;
        }
        let mut by_row: [Vec<Tensor>; 3] = Default::default();
        let by_key = by_key.into_iter().zip(&saved.k).map(|(sum, run)| tensor(sum, run.shape()));
        let by_value = by_value.into_iter().zip(&saved.v).map(|(sum, run)| tensor(sum, run.shape()));
        for (node, (dq, (dk, dv))) in nodes.iter().zip(by_query.into_iter().zip(by_key.zip(by_value))) {
            let (dk, dv) = (dk?, dv?);
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
        let mut keys = 0;
        let seen = path.filter_map(|node| {
            let run = self.tree.nodes.get(node)?;
            let skipped = first.saturating_sub(run.position).min(run.tokens);
            (skipped < run.tokens).then(|| {
                let columns = keys..keys + run.tokens - skipped;
                keys = columns.end;
                Seen { node, skipped, columns }
            })
        });
        seen.collect()
    }
}

/// The products of every query with the keys that it may see: `x` is `[kv, n, d]`, the result is `[kv, n, keys]`.
fn products<T: Float>(x: &Tensor, runs: &[Tensor], seen: &[Seen]) -> Result<Tensor> {
    let (kv_heads, n, d) = x.dims3()?;
    let keys = seen.last().map_or(0, |part| part.columns.end);
    let x = view::<T>(x)?;
    let mut out = vec![T::default(); kv_heads * n * keys];
    for part in seen {
        let of = part.heads::<T>(runs)?;
        for (head, (x, out)) in x.chunks_exact(n * d).zip(out.chunks_exact_mut(n * keys)).enumerate() {
            let to = Sums::rows(out, keys).columns(part.columns.clone());
            add_product(to, Factor::rows(x, d), of.transposed(head), d, T::ONE);
        }
    }
    tensor(out, (kv_heads, n, keys))
}

/// The sums of what is seen, weighted by `p`: from `[kv, n, keys]` to `[kv, n, d]`.
fn sums<T: Float>(p: &Tensor, runs: &[Tensor], seen: &[Seen]) -> Result<Tensor> {
    let (kv_heads, n, keys) = p.dims3()?;
    let p = view::<T>(p)?;
    let Some(d) = runs.first().map(|run| run.dim(2)).transpose()? else { candle_core::bail!("no run is there yet") };
    let mut out = vec![T::default(); kv_heads * n * d];
    for part in seen {
        let of = part.heads::<T>(runs)?;
        for (head, (p, out)) in p.chunks_exact(n * keys).zip(out.chunks_exact_mut(n * d)).enumerate() {
            let p = Factor::rows(p, keys).from(0, part.columns.start);
            add_product(Sums::rows(out, d), p, of.rows(head), part.columns.len(), T::ONE);
        }
    }
    tensor(out, (kv_heads, n, d))
}

/// Adds to every key that is seen, in `by_run`, what the queries `x` pull at it, by `weights` of `[kv, n, keys]`.
fn add_to_keys<T: Float>(weights: &Tensor, x: &Tensor, seen: &[Seen], by_run: &mut [Vec<T>]) -> Result<()> {
    let (_, n, d) = x.dims3()?;
    let keys = weights.dim(2)?;
    let (weights, x) = (view::<T>(weights)?, view::<T>(x)?);
    for part in seen {
        let Some(sum) = by_run.get_mut(part.node) else { candle_core::bail!("run {} is not there", part.node) };
        let of_head = (part.skipped + part.columns.len()) * d;
        let heads = weights.chunks_exact(n * keys).zip(x.chunks_exact(n * d)).zip(sum.chunks_exact_mut(of_head));
        for ((weights, x), sum) in heads {
            // The keys that are left out stand before the others.
            let Some(sum) = sum.get_mut(part.skipped * d..) else { continue };
            let left = Factor::transposed(weights, keys).from(part.columns.start, 0);
            add_product(Sums::rows(sum, d), left, Factor::rows(x, d), n, T::ONE);
        }
    }
    Ok(())
}

/// The keys or values of one run that are seen.
struct Heads<'a, T> {
    values: View<'a, T>,
    /// Of a head; those that are left out stand before the others.
    tokens: usize,
    skipped: usize,
    d: usize,
}

impl Seen {
    /// What it is of every run's keys or values.
    fn heads<'a, T: Float>(&self, runs: &'a [Tensor]) -> Result<Heads<'a, T>> {
        let Some(run) = runs.get(self.node) else { candle_core::bail!("run {} is not there yet", self.node) };
        let (_, tokens, d) = run.dims3()?;
        Ok(Heads { values: view::<T>(run)?, tokens, skipped: self.skipped, d })
    }
}

impl<T: Float> Heads<'_, T> {
    /// `[keys, d]` of a head.
    fn rows(&self, head: usize) -> Factor<'_, T> {
        Factor::rows(&self.values, self.d).from(head * self.tokens + self.skipped, 0)
    }

    /// `[d, keys]` of a head.
    fn transposed(&self, head: usize) -> Factor<'_, T> {
        Factor::transposed(&self.values, self.d).from(0, head * self.tokens + self.skipped)
    }
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
