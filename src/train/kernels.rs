//! The element-wise parts of a Gemma 3 layer, each with its derivative written out.
//!
//! One pass over memory each, no tape: candle's fused forms of these have no gradient and say
//! nothing about it, its composed forms make five to ten passes. The tests hold every one of them
//! against candle's autograd over composed operations.

use candle_core::{Result, Tensor};

use crate::float::{Float, dot, tensor, view};

/// `residual + x / rms(x) * gain` by row; without `residual` just the norm. `x` is `[n, width]`.
pub(crate) fn rms_norm<T: Float>(x: &Tensor, gain: &[T], eps: f64, residual: Option<&Tensor>) -> Result<Tensor> {
    let input = view::<T>(x)?;
    let mut out = Vec::with_capacity(input.len());
    let rows = input.chunks_exact(gain.len());
    if let Some(residual) = residual {
        let residual = view::<T>(residual)?;
        for (row, base) in rows.zip(residual.chunks_exact(gain.len())) {
            let r = inverse_rms(row, eps);
            out.extend(row.iter().zip(gain).zip(base).map(|((v, g), b)| *b + *v * r * *g));
        }
    } else {
        for row in rows {
            let r = inverse_rms(row, eps);
            out.extend(row.iter().zip(gain).map(|(v, g)| *v * r * *g));
        }
    }
    tensor(out, x.shape())
}

/// The derivative of [`rms_norm`] by `x`, plus `add` if given.
pub(crate) fn rms_norm_backward<T: Float>(
    x: &Tensor,
    gain: &[T],
    eps: f64,
    dy: &Tensor,
    add: Option<&Tensor>,
) -> Result<Tensor> {
    let (input, dy) = (view::<T>(x)?, view::<T>(dy)?);
    let width = gain.len();
    let mut out = Vec::with_capacity(input.len());
    let mut scaled = vec![T::default(); width];
    for (row, d) in input.chunks_exact(width).zip(dy.chunks_exact(width)) {
        for ((s, d), g) in scaled.iter_mut().zip(d).zip(gain) {
            *s = *d * *g;
        }
        let (r, pull) = norm_terms(row, &scaled, eps);
        out.extend(row.iter().zip(&scaled).map(|(v, s)| r * (*s - *v * pull)));
    }
    if let Some(add) = add {
        for (o, a) in out.iter_mut().zip(view::<T>(add)?.iter()) {
            *o += *a;
        }
    }
    tensor(out, x.shape())
}

fn inverse_rms<T: Float>(row: &[T], eps: f64) -> T {
    let mean = dot(row, row) / T::from_f64(row.len() as f64);
    T::from_f64(1.0) / (mean + T::from_f64(eps)).sqrt()
}

/// 1/rms and the factor with which the row itself is subtracted in the derivative.
fn norm_terms<T: Float>(row: &[T], scaled: &[T], eps: f64) -> (T, T) {
    let r = inverse_rms(row, eps);
    (r, dot(row, scaled) * r * r / T::from_f64(row.len() as f64))
}

/// Cosines and sines of the rotary embedding (Su et al. 2021), `[positions, head_dim / 2]` each.
pub(crate) struct Rope<T> {
    cos: Vec<T>,
    sin: Vec<T>,
    half: usize,
}

impl<T: Float> Rope<T> {
    pub(crate) fn new(theta: f64, head_dim: usize, positions: usize) -> Self {
        let half = head_dim / 2;
        let angle = |i: usize| (i / half) as f64 * theta.powf(-((i % half) as f64) / half as f64);
        let cos = (0..positions * half).map(|i| T::from_f64(angle(i).cos())).collect();
        let sin = (0..positions * half).map(|i| T::from_f64(angle(i).sin())).collect();
        Self { cos, sin, half }
    }

    /// From `position` on.
    fn rows(&self, position: usize) -> impl Iterator<Item = (&[T], &[T])> {
        self.cos.chunks_exact(self.half).zip(self.sin.chunks_exact(self.half)).skip(position)
    }
}

/// Norm by head, rotation by position (the first row's is `position`), times `scale`; `[t, h d]` becomes `[h, t, d]`.
pub(crate) fn norm_rope<T: Float>(
    x: &Tensor,
    gain: &[T],
    eps: f64,
    rope: &Rope<T>,
    position: usize,
    scale: f64,
) -> Result<Tensor> {
    let input = view::<T>(x)?;
    let (width, half) = (gain.len(), rope.half);
    let (tokens, heads) = (x.dim(0)?, x.dim(1)? / width);
    let (gain_low, gain_high) = gain.split_at(half);
    let mut out = vec![T::default(); input.len()];
    for ((t, token), (cos, sin)) in input.chunks_exact(heads * width).enumerate().zip(rope.rows(position)) {
        for (h, row) in token.chunks_exact(width).enumerate() {
            let r = inverse_rms(row, eps) * T::from_f64(scale);
            let at = (h * tokens + t) * width;
            let (low, high) = row.split_at(half);
            let Some((out_low, out_high)) = out.get_mut(at..at + width).map(|o| o.split_at_mut(half)) else {
                continue;
            };
            for i in 0..half {
                let (a, b) = (low[i] * gain_low[i] * r, high[i] * gain_high[i] * r);
                out_low[i] = a * cos[i] - b * sin[i];
                out_high[i] = b * cos[i] + a * sin[i];
            }
        }
    }
    tensor(out, (heads, tokens, width))
}

/// The derivative of [`norm_rope`] by `x`: the rotation back, then the norm's. `dy` is `[h, t, d]`, or the same with heads and tokens
/// together.
pub(crate) fn norm_rope_backward<T: Float>(
    x: &Tensor,
    gain: &[T],
    eps: f64,
    rope: &Rope<T>,
    (position, scale): (usize, f64),
    dy: &Tensor,
) -> Result<Tensor> {
    let (input, dy) = (view::<T>(x)?, view::<T>(dy)?);
    let (width, half) = (gain.len(), rope.half);
    let (tokens, heads) = (x.dim(0)?, x.dim(1)? / width);
    let (gain_low, gain_high) = gain.split_at(half);
    let scale = T::from_f64(scale);
    let mut out = Vec::with_capacity(input.len());
    let mut scaled = vec![T::default(); width];
    for ((t, token), (cos, sin)) in input.chunks_exact(heads * width).enumerate().zip(rope.rows(position)) {
        for (h, row) in token.chunks_exact(width).enumerate() {
            let at = (h * tokens + t) * width;
            let Some((low, high)) = dy.get(at..at + width).map(|d| d.split_at(half)) else {
                continue;
            };
            let (s_low, s_high) = scaled.split_at_mut(half);
            for i in 0..half {
                s_low[i] = (low[i] * cos[i] + high[i] * sin[i]) * gain_low[i] * scale;
                s_high[i] = (high[i] * cos[i] - low[i] * sin[i]) * gain_high[i] * scale;
            }
            let (r, pull) = norm_terms(row, &scaled, eps);
            out.extend(row.iter().zip(&scaled).map(|(v, s)| r * (*s - *v * pull)));
        }
    }
    tensor(out, x.shape())
}

/// The first key that the query at `position` sees: itself and the `window - 1` before it are visible.
pub(crate) fn first_seen(position: usize, window: usize) -> usize {
    (position + 1).saturating_sub(window)
}

/// By row of `[kv, group t, keys]`, the keys that its query sees, where the last key is that of the last query's own token. The keys may
/// leave out what none of the queries sees.
fn visible(queries: usize, keys: usize, window: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let before = keys.saturating_sub(queries);
    (0..queries).map(move |i| first_seen(before + i, window)..before + i + 1).cycle()
}

/// Softmax over the visible keys, zero elsewhere. `scores` is `[kv, group t, keys]` for `t` queries.
pub(crate) fn masked_softmax<T: Float>(scores: &Tensor, queries: usize, window: usize) -> Result<Tensor> {
    let keys = scores.dim(2)?;
    let input = view::<T>(scores)?;
    let mut out = vec![T::default(); input.len()];
    for ((row, probabilities), seen) in
        input.chunks_exact(keys).zip(out.chunks_exact_mut(keys)).zip(visible(queries, keys, window))
    {
        softmax_row(&row[seen.clone()], &mut probabilities[seen]);
    }
    tensor(out, scores.shape())
}

/// Softmax of one row; gives back the logarithm of the sum of exponentials.
pub(crate) fn softmax_row<T: Float>(scores: &[T], out: &mut [T]) -> f64 {
    let mut top = T::from_f64(-1e30);
    for s in scores {
        if *s > top {
            top = *s;
        }
    }
    for (o, s) in out.iter_mut().zip(scores) {
        *o = (*s - top).exp_approx();
    }
    let mut partial = [T::default(); 8];
    let (eights, rest) = out.as_chunks::<8>();
    for eight in eights {
        for (p, v) in partial.iter_mut().zip(eight) {
            *p += *v;
        }
    }
    let mut sum = T::default();
    for v in partial.iter().chain(rest) {
        sum += *v;
    }
    let inverse = T::from_f64(1.0) / sum;
    for o in out {
        *o *= inverse;
    }
    top.to_f64() + sum.to_f64().ln()
}

/// The derivative of [`masked_softmax`] by the scores, from its own result.
pub(crate) fn masked_softmax_backward<T: Float>(
    probabilities: &Tensor,
    dp: &Tensor,
    queries: usize,
    window: usize,
) -> Result<Tensor> {
    let keys = probabilities.dim(2)?;
    let (p, dp) = (view::<T>(probabilities)?, view::<T>(dp)?);
    let mut out = vec![T::default(); p.len()];
    let rows = p.chunks_exact(keys).zip(dp.chunks_exact(keys)).zip(out.chunks_exact_mut(keys));
    for (((p, d), o), seen) in rows.zip(visible(queries, keys, window)) {
        let (p, d) = (&p[seen.clone()], &d[seen.clone()]);
        let mean = dot(p, d);
        for ((o, p), d) in o[seen].iter_mut().zip(p).zip(d) {
            *o = *p * (*d - mean);
        }
    }
    tensor(out, probabilities.shape())
}

/// sqrt(2 / pi), of GELU's tanh form (Hendrycks and Gimpel 2016).
const GELU_SCALE: f64 = 0.797_884_560_802_865_4;
const GELU_CUBE: f64 = 0.044_715;

/// tanh of GELU's inner polynomial.
#[inline(always)]
fn gelu_tanh<T: Float>(x: T) -> T {
    let inner = T::from_f64(GELU_SCALE) * (x + T::from_f64(GELU_CUBE) * x * x * x);
    T::from_f64(1.0) - T::from_f64(2.0) / ((inner + inner).exp_approx() + T::from_f64(1.0))
}

/// `gelu(gate) * up`.
pub(crate) fn geglu<T: Float>(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    let (g, u) = (view::<T>(gate)?, view::<T>(up)?);
    let half = T::from_f64(0.5);
    let out = g.iter().zip(u.iter()).map(|(g, u)| half * *g * (T::from_f64(1.0) + gelu_tanh(*g)) * *u).collect();
    tensor(out, gate.shape())
}

/// The derivatives of [`geglu`] by `gate` and by `up`.
pub(crate) fn geglu_backward<T: Float>(gate: &Tensor, up: &Tensor, dz: &Tensor) -> Result<(Tensor, Tensor)> {
    let (g, u, d) = (view::<T>(gate)?, view::<T>(up)?, view::<T>(dz)?);
    let (half, one) = (T::from_f64(0.5), T::from_f64(1.0));
    let mut d_gate = vec![T::default(); g.len()];
    let mut d_up = vec![T::default(); g.len()];
    let ins = g.iter().zip(u.iter()).zip(d.iter());
    for (((x, u), d), (dg, du)) in ins.zip(d_gate.iter_mut().zip(d_up.iter_mut())) {
        let x = *x;
        let t = gelu_tanh(x);
        let slope = T::from_f64(GELU_SCALE) * (one + T::from_f64(3.0 * GELU_CUBE) * x * x);
        *dg = *d * *u * half * (one + t + x * (one - t * t) * slope);
        *du = *d * half * x * (one + t);
    }
    Ok((tensor(d_gate, gate.shape())?, tensor(d_up, gate.shape())?))
}

/// Rows `rows` of `x` (`[n, width]`).
pub(crate) fn gather_rows<T: Float>(x: &Tensor, rows: &[u32]) -> Result<Tensor> {
    let width = x.dim(1)?;
    let input = view::<T>(x)?;
    let mut out = Vec::with_capacity(rows.len() * width);
    for row in rows {
        let at = *row as usize * width;
        match input.get(at..at + width) {
            Some(values) => out.extend_from_slice(values),
            None => candle_core::bail!("row {row} of {} was asked for", x.dim(0)?),
        }
    }
    tensor(out, (rows.len(), width))
}

/// `[n, width]` zeros with the rows of `x` added at `rows`: the derivative of [`gather_rows`].
pub(crate) fn scatter_rows<T: Float>(x: &Tensor, rows: &[u32], n: usize) -> Result<Tensor> {
    let width = x.dim(1)?;
    let input = view::<T>(x)?;
    let mut out = vec![T::default(); n * width];
    for (row, values) in rows.iter().zip(input.chunks_exact(width)) {
        let at = *row as usize * width;
        match out.get_mut(at..at + width) {
            Some(place) => place.iter_mut().zip(values).for_each(|(p, v)| *p += *v),
            None => candle_core::bail!("row {row} of {n} was to be written"),
        }
    }
    tensor(out, (n, width))
}

#[cfg(test)]
mod tests;
