//! The element-wise parts of a Gemma 3 layer, each with its derivative written out.
//!
//! One pass over memory each, no tape: candle's fused forms of these have no gradient and say
//! nothing about it, its composed forms make five to ten passes. The tests hold every one of them
//! against candle's autograd over composed operations.

use candle_core::{Result, Tensor};

use crate::float::{Float, dot, tensor, view};
use crate::parallel::{by_row, by_row_of_two};

/// `residual + x / rms(x) * gain` by row; without `residual` just the norm. `x` is `[n, width]`.
pub(crate) fn rms_norm<T: Float>(x: &Tensor, gain: &[T], eps: f64, residual: Option<&Tensor>) -> Result<Tensor> {
    let width = gain.len();
    let input = view::<T>(x)?;
    let mut out = match residual {
        Some(residual) => view::<T>(residual)?.to_vec(),
        None => vec![T::default(); input.len()],
    };
    by_row(&mut out, width, |at, out| {
        let row = &input[at * width..][..width];
        let r = inverse_rms(row, eps);
        out.iter_mut().zip(row).zip(gain).for_each(|((o, v), g)| *o += *v * r * *g);
    });
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
    let width = gain.len();
    let (input, dy) = (view::<T>(x)?, view::<T>(dy)?);
    let add = add.map(view::<T>).transpose()?;
    let mut out = vec![T::default(); input.len()];
    by_row(&mut out, width, |at, out| {
        let (row, d) = (&input[at * width..][..width], &dy[at * width..][..width]);
        out.iter_mut().zip(d).zip(gain).for_each(|((o, d), g)| *o = *d * *g);
        norm_backward(row, out, eps);
        if let Some(add) = &add {
            out.iter_mut().zip(&add[at * width..][..width]).for_each(|(o, a)| *o += *a);
        }
    });
    tensor(out, x.shape())
}

#[inline(always)]
fn inverse_rms<T: Float>(row: &[T], eps: f64) -> T {
    let mean = dot(row, row) / T::from_f64(row.len() as f64);
    T::from_f64(1.0) / (mean + T::from_f64(eps)).sqrt()
}

/// From the derivative by the normed row (gains included), in `d`, to that by the row.
#[inline(always)]
fn norm_backward<T: Float>(row: &[T], d: &mut [T], eps: f64) {
    let r = inverse_rms(row, eps);
    let pull = dot(row, d) * r * r / T::from_f64(row.len() as f64);
    d.iter_mut().zip(row).for_each(|(d, v)| *d = r * (*d - *v * pull));
}

/// Cosines and sines of the rotary embedding (Su et al. 2021), `[positions, head_dim / 2]` each.
pub(crate) struct Rope<T> {
    cos: Vec<T>,
    sin: Vec<T>,
    half: usize,
}

impl<T: Float> Rope<T> {
    pub(crate) fn new(theta: f64, head_dim: usize, positions: usize) -> Self {
        let cos = rope_angles(theta, head_dim, positions).map(|angle| T::from_f64(angle.cos())).collect();
        let sin = rope_angles(theta, head_dim, positions).map(|angle| T::from_f64(angle.sin())).collect();
        Self { cos, sin, half: head_dim / 2 }
    }

    /// Cosines and sines of `position`, which is one of those that it was made for.
    #[inline(always)]
    fn at(&self, position: usize) -> (&[T], &[T]) {
        let start = position * self.half;
        (&self.cos[start..start + self.half], &self.sin[start..start + self.half])
    }
}

/// The angles by which pairs of numbers are turned, `[positions, head_dim / 2]`.
pub(crate) fn rope_angles(theta: f64, head_dim: usize, positions: usize) -> impl Iterator<Item = f64> {
    let half = head_dim / 2;
    (0..positions * half).map(move |i| (i / half) as f64 * theta.powf(-((i % half) as f64) / half as f64))
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
    let mut out = vec![T::default(); input.len()];
    by_row(&mut out, width, |at, out| {
        let (h, t) = (at / tokens, at % tokens);
        let row = &input[(t * heads + h) * width..][..width];
        let r = inverse_rms(row, eps) * T::from_f64(scale);
        let (cos, sin) = rope.at(position + t);
        let ((low, high), (gain_low, gain_high)) = (row.split_at(half), gain.split_at(half));
        let (out_low, out_high) = out.split_at_mut(half);
        for i in 0..half {
            let (a, b) = (low[i] * gain_low[i] * r, high[i] * gain_high[i] * r);
            out_low[i] = a * cos[i] - b * sin[i];
            out_high[i] = b * cos[i] + a * sin[i];
        }
    });
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
    let scale = T::from_f64(scale);
    let mut out = vec![T::default(); input.len()];
    by_row(&mut out, width, |at, out| {
        let (t, h) = (at / heads, at % heads);
        let row = &input[at * width..][..width];
        let (low, high) = dy[(h * tokens + t) * width..][..width].split_at(half);
        let (cos, sin) = rope.at(position + t);
        let (gain_low, gain_high) = gain.split_at(half);
        let (out_low, out_high) = out.split_at_mut(half);
        for i in 0..half {
            out_low[i] = (low[i] * cos[i] + high[i] * sin[i]) * gain_low[i] * scale;
            out_high[i] = (high[i] * cos[i] - low[i] * sin[i]) * gain_high[i] * scale;
        }
        norm_backward(row, out, eps);
    });
    tensor(out, x.shape())
}

/// The first key that the query at `position` sees: itself and the `window - 1` before it are visible.
pub(crate) fn first_seen(position: usize, window: usize) -> usize {
    (position + 1).saturating_sub(window)
}

/// The keys that query `i` of `queries` sees, where the last key is that of the last query's own token. The keys may leave out what none of the
/// queries sees.
#[inline(always)]
fn visible(i: usize, queries: usize, keys: usize, window: usize) -> std::ops::Range<usize> {
    let position = keys.saturating_sub(queries) + i;
    first_seen(position, window)..position + 1
}

/// Softmax over the visible keys, zero elsewhere. `scores` is `[kv, group t, keys]` for `t` queries.
pub(crate) fn masked_softmax<T: Float>(scores: &Tensor, queries: usize, window: usize) -> Result<Tensor> {
    let keys = scores.dim(2)?;
    let input = view::<T>(scores)?;
    let mut out = vec![T::default(); input.len()];
    by_row(&mut out, keys, |at, out| {
        let seen = visible(at % queries, queries, keys, window);
        let out = &mut out[seen.clone()];
        out.copy_from_slice(&input[at * keys..][seen]);
        softmax_in_place(out, T::from_f64(1.0));
    });
    tensor(out, scores.shape())
}

/// Turns one row of scores into `sum` times their softmax; gives back the logarithm of the sum of exponentials.
#[inline(always)]
pub(crate) fn softmax_in_place<T: Float>(row: &mut [T], sum: T) -> f64 {
    let mut tops = [T::from_f64(-1e30); 16];
    let (sixteens, rest) = row.as_chunks::<16>();
    for sixteen in sixteens {
        tops.iter_mut().zip(sixteen).for_each(|(top, v)| *top = if *v > *top { *v } else { *top });
    }
    let top = tops.iter().chain(rest).fold(T::from_f64(-1e30), |top, v| if *v > top { *v } else { top });
    let mut partial = [T::default(); 16];
    let (sixteens, rest) = row.as_chunks_mut::<16>();
    for sixteen in sixteens {
        for (p, v) in partial.iter_mut().zip(sixteen) {
            *v = (*v - top).exp_approx();
            *p += *v;
        }
    }
    for v in rest.iter_mut() {
        *v = (*v - top).exp_approx();
    }
    let mut total = T::default();
    for v in partial.iter().chain(rest.iter()) {
        total += *v;
    }
    let factor = sum / total;
    row.iter_mut().for_each(|v| *v *= factor);
    top.to_f64() + total.to_f64().ln()
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
    by_row(&mut out, keys, |at, out| {
        let seen = visible(at % queries, queries, keys, window);
        let (p, d) = (&p[at * keys..][seen.clone()], &dp[at * keys..][seen.clone()]);
        let mean = dot(p, d);
        out[seen].iter_mut().zip(p).zip(d).for_each(|((o, p), d)| *o = *p * (*d - mean));
    });
    tensor(out, probabilities.shape())
}

/// sqrt(2 / pi), of GELU's tanh form (Hendrycks and Gimpel 2016).
pub(crate) const GELU_SCALE: f64 = 0.797_884_560_802_865_4;
pub(crate) const GELU_CUBE: f64 = 0.044_715;
/// Numbers that a thread takes at a time where rows mean nothing.
const PART: usize = 1 << 12;

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
    let mut out = vec![T::default(); g.len()];
    by_row(&mut out, PART, |at, out| {
        let (g, u) = (g[at * PART..].iter(), &u[at * PART..]);
        out.iter_mut().zip(g.zip(u)).for_each(|(o, (g, u))| *o = half * *g * (T::from_f64(1.0) + gelu_tanh(*g)) * *u);
    });
    tensor(out, gate.shape())
}

/// The derivatives of [`geglu`] by `gate` and by `up`.
pub(crate) fn geglu_backward<T: Float>(gate: &Tensor, up: &Tensor, dz: &Tensor) -> Result<(Tensor, Tensor)> {
    let (g, u, d) = (view::<T>(gate)?, view::<T>(up)?, view::<T>(dz)?);
    let (half, one) = (T::from_f64(0.5), T::from_f64(1.0));
    let (mut d_gate, mut d_up) = (vec![T::default(); g.len()], vec![T::default(); g.len()]);
    by_row_of_two(&mut d_gate, &mut d_up, PART, |at, d_gate, d_up| {
        let ins = g[at * PART..].iter().zip(&u[at * PART..]).zip(&d[at * PART..]);
        for (((x, u), d), (dg, du)) in ins.zip(d_gate.iter_mut().zip(d_up)) {
            let (x, t) = (*x, gelu_tanh(*x));
            let slope = T::from_f64(GELU_SCALE) * (one + T::from_f64(3.0 * GELU_CUBE) * x * x);
            *dg = *d * *u * half * (one + t + x * (one - t * t) * slope);
            *du = *d * half * x * (one + t);
        }
    });
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
