//! One Gemma 3 layer, forward and backward.
//!
//! `h = x + post_norm(O attention(norm(x)))`, `y = h + post_norm(Down geglu(norm(h)))`. The backward
//! pass is written out instead of taped: nothing is computed for frozen weights, and whatever a
//! layer keeps can be dropped and computed again.

use candle_core::{Result, Tensor};

use crate::attention::{Attention, SavedAttention};
use crate::float::Float;
use crate::kernels::{Rope, gather_rows, geglu, geglu_backward, rms_norm, rms_norm_backward, scatter_rows};
use crate::linear::{Gradients, Matrix, backward};
use crate::tree::Tree;

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
    attention: SavedAttention,
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
    /// `x` is `[n, hidden]`, by row of the tree. With `rows` only those rows of the result are computed: all that
    /// follows attention works row by row, and the last layer's other rows are not needed.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        tree: &Tree,
        rope: &Rope<T>,
        rows: Option<&[u32]>,
    ) -> Result<(Tensor, SavedActivations)> {
        let a = rms_norm(x, &self.input, self.eps, None)?;
        let (q_raw, q_low) = self.q.forward::<T>(&a)?;
        let (k_raw, k_low) = self.k.forward::<T>(&a)?;
        let (v, v_low) = self.v.forward::<T>(&a)?;
        let (context, attention) = self.attention(tree, rope).forward(&q_raw, &k_raw, &v)?;
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
            attention,
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
        tree: &Tree,
        rope: &Rope<T>,
        rows: Option<&[u32]>,
        gradients: &mut Gradients,
    ) -> Result<Tensor> {
        let d_down = rms_norm_backward(&s.down, &self.post_feedforward, self.eps, dy, None)?;
        let dz = backward::<T>(&s.z, &[(&self.down, s.down_low.as_ref(), &d_down)], gradients)?;
        let (d_gate, d_up) = geglu_backward::<T>(&s.gate, &s.up, &dz)?;
        let of_m = [(&self.gate, s.gate_low.as_ref(), &d_gate), (&self.up, s.up_low.as_ref(), &d_up)];
        let dm = backward::<T>(&s.m, &of_m, gradients)?;
        let dh = rms_norm_backward(&s.h, &self.pre_feedforward, self.eps, &dm, Some(dy))?;
        let d_o = rms_norm_backward(&s.o, &self.post_attention, self.eps, &dh, None)?;
        let d_context = backward::<T>(&s.context, &[(&self.o, s.o_low.as_ref(), &d_o)], gradients)?;
        let (d_context, dx) = match rows {
            Some(rows) => {
                let n = tree.tokens();
                (scatter_rows::<T>(&d_context, rows, n)?, scatter_rows::<T>(&dh, rows, n)?)
            }
            None => (d_context, dh),
        };
        let [dq, dk, dv] = self.attention(tree, rope).backward((&s.q_raw, &s.k_raw), &s.attention, &d_context)?;
        let of_a =
            [(&self.q, s.q_low.as_ref(), &dq), (&self.k, s.k_low.as_ref(), &dk), (&self.v, s.v_low.as_ref(), &dv)];
        let da = backward::<T>(&s.a, &of_a, gradients)?;
        rms_norm_backward(&s.x, &self.input, self.eps, &da, Some(&dx))
    }

    fn attention<'a>(&'a self, tree: &'a Tree, rope: &'a Rope<T>) -> Attention<'a, T> {
        let Self { query, key, eps, scale, window, .. } = self;
        Attention { tree, rope, query_gain: query, key_gain: key, eps: *eps, scale: *scale, window: *window }
    }

    /// In the order of [`gemma::Linear::ALL`].
    pub(crate) fn matrices_mut(&mut self) -> [&mut Matrix; 7] {
        [&mut self.q, &mut self.k, &mut self.v, &mut self.o, &mut self.gate, &mut self.up, &mut self.down]
    }
}
