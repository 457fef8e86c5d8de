//! One Gemma 3 layer, forward and backward.
//!
//! `h = x + post_norm(O attention(norm(x)))`, `y = h + post_norm(Down geglu(norm(h)))`. The backward
//! pass is written out instead of taped: nothing is computed for frozen weights, and whatever a
//! layer keeps can be dropped and computed again.

use candle_core::{Result, Tensor};

use crate::float::Float;
use crate::kernels::{
    Geometry, Rope, gather_rows, geglu, geglu_backward, masked_softmax, masked_softmax_backward, norm_rope,
    norm_rope_backward, rms_norm, rms_norm_backward, scatter_rows,
};
use crate::linear::{Gradients, Matrix, add_scaled};

/// Weights of a layer; the gains are `1 + weight` of its norms.
#[derive(Clone)]
pub(crate) struct Layer<T> {
    pub(crate) q: Matrix,
    pub(crate) k: Matrix,
    pub(crate) v: Matrix,
    pub(crate) o: Matrix,
    pub(crate) gate: Matrix,
    pub(crate) up: Matrix,
    pub(crate) down: Matrix,
    pub(crate) input: Vec<T>,
    pub(crate) query: Vec<T>,
    pub(crate) key: Vec<T>,
    pub(crate) post_attention: Vec<T>,
    pub(crate) pre_feedforward: Vec<T>,
    pub(crate) post_feedforward: Vec<T>,
    pub(crate) eps: f64,
    /// Factor of the attention scores.
    pub(crate) scale: f64,
    /// Number of keys that a query sees.
    pub(crate) window: usize,
}

/// What the backward pass needs of the forward one.
pub(crate) struct SavedActivations {
    x: Tensor,
    a: Tensor,
    q_low: Option<Tensor>,
    k_low: Option<Tensor>,
    v_low: Option<Tensor>,
    q_raw: Tensor,
    k_raw: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    p: Tensor,
    context: Tensor,
    o_low: Option<Tensor>,
    o: Tensor,
    h: Tensor,
    m: Tensor,
    gate_low: Option<Tensor>,
    up_low: Option<Tensor>,
    gate: Tensor,
    up: Tensor,
    z: Tensor,
    down_low: Option<Tensor>,
    down: Tensor,
}

impl<T: Float> Layer<T> {
    /// `x` is `[b t, hidden]`. With `rows` only those rows of the result are computed: all that
    /// follows attention works row by row, and the last layer's other rows are not needed.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        g: Geometry,
        rope: &Rope<T>,
        rows: Option<&[u32]>,
    ) -> Result<(Tensor, SavedActivations)> {
        let a = rms_norm(x, &self.input, self.eps, None)?;
        let (q_raw, q_low) = self.q.forward::<T>(&a)?;
        let (k_raw, k_low) = self.k.forward::<T>(&a)?;
        let (v, v_low) = self.v.forward::<T>(&a)?;
        let kv_heads = k_raw.dim(1)? / self.key.len();
        let q = norm_rope(&q_raw, &self.query, self.eps, rope, g, self.scale)?;
        let k = norm_rope(&k_raw, &self.key, self.eps, rope, g, 1.0)?;
        // The queries that share a key head are stacked into rows, so keys are never repeated.
        let q = q.reshape((g.sequences * kv_heads, (), self.query.len()))?;
        let v = split_heads(&v, g, kv_heads)?;
        let p = masked_softmax::<T>(&q.matmul(&k.t()?)?, self.window)?;
        let context = join_heads(&p.matmul(&v)?, g)?;
        let (context, residual) = match rows {
            Some(rows) => (gather_rows::<T>(&context, rows)?, gather_rows::<T>(x, rows)?),
            None => (context, x.clone()),
        };
        let (o, o_low) = self.o.forward::<T>(&context)?;
        let h = rms_norm(&o, &self.post_attention, self.eps, Some(&residual))?;
        let m = rms_norm(&h, &self.pre_feedforward, self.eps, None)?;
        let (gate, gate_low) = self.gate.forward::<T>(&m)?;
        let (up, up_low) = self.up.forward::<T>(&m)?;
        let z = geglu::<T>(&gate, &up)?;
        let (down, down_low) = self.down.forward::<T>(&z)?;
        let y = rms_norm(&down, &self.post_feedforward, self.eps, Some(&h))?;
        let x = x.clone();
        let saved = SavedActivations {
            x,
            a,
            q_low,
            k_low,
            v_low,
            q_raw,
            k_raw,
            q,
            k,
            v,
            p,
            context,
            o_low,
            o,
            h,
            m,
            gate_low,
            up_low,
            gate,
            up,
            z,
            down_low,
            down,
        };
        Ok((y, saved))
    }

    /// From the derivative by the result to the derivative by `x`.
    pub(crate) fn backward(
        &self,
        s: &SavedActivations,
        dy: &Tensor,
        g: Geometry,
        rope: &Rope<T>,
        rows: Option<&[u32]>,
        gradients: &mut Gradients,
    ) -> Result<Tensor> {
        let d_down = rms_norm_backward(&s.down, &self.post_feedforward, self.eps, dy, None)?;
        let dz = self.down.backward::<T>(&s.z, s.down_low.as_ref(), &d_down, gradients)?;
        let (d_gate, d_up) = geglu_backward::<T>(&s.gate, &s.up, &dz)?;
        let dm = self.gate.backward::<T>(&s.m, s.gate_low.as_ref(), &d_gate, gradients)?;
        let dm = add_scaled::<T>(&dm, &self.up.backward::<T>(&s.m, s.up_low.as_ref(), &d_up, gradients)?, 1.0)?;
        let dh = rms_norm_backward(&s.h, &self.pre_feedforward, self.eps, &dm, Some(dy))?;
        let d_o = rms_norm_backward(&s.o, &self.post_attention, self.eps, &dh, None)?;
        let d_context = self.o.backward::<T>(&s.context, s.o_low.as_ref(), &d_o, gradients)?;
        let n = g.sequences * g.positions;
        let (d_context, dx) = match rows {
            Some(rows) => (scatter_rows::<T>(&d_context, rows, n)?, scatter_rows::<T>(&dh, rows, n)?),
            None => (d_context, dh),
        };
        let da = self.attention_backward(s, &d_context, g, rope, gradients)?;
        rms_norm_backward(&s.x, &self.input, self.eps, &da, Some(&dx))
    }

    fn attention_backward(
        &self,
        s: &SavedActivations,
        d_context: &Tensor,
        g: Geometry,
        rope: &Rope<T>,
        gradients: &mut Gradients,
    ) -> Result<Tensor> {
        let kv_heads = s.k_raw.dim(1)? / self.key.len();
        let d_context = split_heads(d_context, g, s.q_raw.dim(1)? / self.query.len())?;
        let d_context = d_context.reshape(s.q.shape())?;
        let dp = d_context.matmul(&s.v.t()?)?;
        let dv = join_heads(&s.p.t()?.matmul(&d_context)?, g)?;
        let ds = masked_softmax_backward::<T>(&s.p, &dp, self.window)?;
        let dq = ds.matmul(&s.k)?;
        let dk = ds.t()?.matmul(&s.q)?.reshape((g.sequences * kv_heads, g.positions, self.key.len()))?;
        let dq = norm_rope_backward(&s.q_raw, &self.query, self.eps, rope, g, self.scale, &dq)?;
        let dk = norm_rope_backward(&s.k_raw, &self.key, self.eps, rope, g, 1.0, &dk)?;
        let da = self.q.backward::<T>(&s.a, s.q_low.as_ref(), &dq, gradients)?;
        let da = add_scaled::<T>(&da, &self.k.backward::<T>(&s.a, s.k_low.as_ref(), &dk, gradients)?, 1.0)?;
        add_scaled::<T>(&da, &self.v.backward::<T>(&s.a, s.v_low.as_ref(), &dv, gradients)?, 1.0)
    }

    /// In the order of [`gemma::Linear::ALL`].
    pub(crate) fn matrices_mut(&mut self) -> [&mut Matrix; 7] {
        [&mut self.q, &mut self.k, &mut self.v, &mut self.o, &mut self.gate, &mut self.up, &mut self.down]
    }
}

/// `[b t, h d]` to `[b h, t, d]`.
fn split_heads(x: &Tensor, g: Geometry, heads: usize) -> Result<Tensor> {
    let width = x.dim(1)? / heads;
    let x = x.reshape((g.sequences, g.positions, heads, width))?.transpose(1, 2)?.contiguous()?;
    x.reshape((g.sequences * heads, g.positions, width))
}

/// `[b kv, group t, d]` to `[b t, kv group d]`; with a group of one this undoes [`split_heads`].
fn join_heads(x: &Tensor, g: Geometry) -> Result<Tensor> {
    let width = x.dim(2)?;
    let x = x.reshape((g.sequences, (), g.positions, width))?.transpose(1, 2)?.contiguous()?;
    x.reshape((g.sequences * g.positions, ()))
}
