//! One Gemma 3 layer out of basic operations, as autograd can follow them: candle's fused norm, softmax and rotation
//! would give no gradient, and say nothing about it.
//!
//! Products are in the weights' format; norms, softmax, GELU and the stream from layer to layer in a wider one.

use candle_core::{D, DType, Device, Result, Tensor, Var};
use gemma::LayerKind;

use super::placed::Sight;
use super::product::Matrix;
pub(super) use super::product::Trained;
use crate::float::Float;
use crate::kernels::{GELU_CUBE, GELU_SCALE};
use crate::linear::Gradients;

/// Weights of a layer; the gains are `1 + weight` of its norms.
pub(super) struct Layer {
    /// In the order of [`gemma::Linear::ALL`].
    pub(super) matrices: [Matrix; 7],
    pub(super) input: Tensor,
    pub(super) query: Tensor,
    pub(super) key: Tensor,
    pub(super) post_attention: Tensor,
    pub(super) pre_feedforward: Tensor,
    pub(super) post_feedforward: Tensor,
    pub(super) eps: f64,
    /// Factor of the attention scores.
    pub(super) scale: f64,
    pub(super) kind: LayerKind,
    pub(super) products: DType,
    pub(super) sums: DType,
}

impl Layer {
    pub(super) fn is_trained(&self) -> bool {
        self.matrices.iter().any(|matrix| matrix.trained.is_some())
    }

    /// `x` is `[n, hidden]`, by row of the tree. With `rows` only those rows of the result are computed.
    pub(super) fn forward(&self, x: &Tensor, sight: &Sight, rows: Option<&Tensor>, taped: bool) -> Result<Tensor> {
        let [q, k, v, o, gate, up, down] = &self.matrices;
        let a = self.norm(x, &self.input)?.to_dtype(self.products)?;
        let context = self.attention(q.forward(&a, taped)?, k.forward(&a, taped)?, v.forward(&a, taped)?, sight)?;
        let (context, residual) = match rows {
            Some(rows) => (context.index_select(rows, 0)?, x.index_select(rows, 0)?),
            None => (context, x.clone()),
        };
        let o = o.forward(&context, taped)?.to_dtype(self.sums)?;
        let h = (residual + self.norm(&o, &self.post_attention)?)?;
        let m = self.norm(&h, &self.pre_feedforward)?.to_dtype(self.products)?;
        let (gate, up) = (gate.forward(&m, taped)?.to_dtype(self.sums)?, up.forward(&m, taped)?.to_dtype(self.sums)?);
        let z = (gelu(&gate)? * up)?.to_dtype(self.products)?;
        let down = down.forward(&z, taped)?.to_dtype(self.sums)?;
        h + self.norm(&down, &self.post_feedforward)?
    }

    /// From the derivative by the result to the derivative by `x`; the parameters' own go to the host.
    pub(super) fn backward<T: Float>(
        &self,
        x: &Tensor,
        dy: &Tensor,
        sight: &Sight,
        rows: Option<&Tensor>,
        gradients: &mut Gradients,
    ) -> Result<Tensor> {
        let x = Var::from_tensor(x)?;
        let y = self.forward(x.as_tensor(), sight, rows, true)?;
        let store = (y * dy)?.sum_all()?.backward()?;
        for Trained { a, b, indices, .. } in self.matrices.iter().filter_map(|matrix| matrix.trained.as_ref()) {
            for (var, index) in [a, b].into_iter().zip(indices) {
                let Some(gradient) = store.get(var) else { candle_core::bail!("parameter {index} has no derivative") };
                gradients.add(*index, gradient.to_dtype(T::DTYPE)?.to_device(&Device::Cpu)?.contiguous()?)?;
            }
        }
        match store.get(&x) {
            Some(dx) => Ok(dx.clone()),
            None => candle_core::bail!("a layer gave no derivative"),
        }
    }

    fn norm(&self, x: &Tensor, gain: &Tensor) -> Result<Tensor> {
        norm(x, gain, self.eps)
    }

    /// From the projections, `[n, heads d]` and `[n, kv d]`, to the context, `[n, heads d]`. The queries that share a key
    /// head are stacked into rows, so keys are never repeated.
    fn attention(&self, q: Tensor, k: Tensor, v: Tensor, sight: &Sight) -> Result<Tensor> {
        let (n, d) = (q.dim(0)?, self.key.dim(0)?);
        let (kv, group) = (k.dim(1)? / d, q.dim(1)? / k.dim(1)?);
        let q = (self.turned(&q, &self.query, sight)? * self.scale)?;
        let q = heads_first(&q.to_dtype(self.products)?)?.reshape((kv, group * n, d))?;
        let k = heads_first(&self.turned(&k, &self.key, sight)?.to_dtype(self.products)?)?;
        let v = heads_first(&v.reshape((n, kv, d))?)?;
        let scores = q.matmul(&k.t()?)?.to_dtype(self.sums)?.reshape((kv, group, n, n))?;
        let p = softmax(&scores.broadcast_add(&sight.mask)?)?;
        let p = p.to_dtype(self.products)?.reshape((kv, group * n, n))?;
        p.matmul(&v)?.reshape((kv * group, n, d))?.transpose(0, 1)?.contiguous()?.reshape((n, kv * group * d))
    }

    /// Norm by head and rotation by position: `[n, heads d]` to `[n, heads, d]`.
    fn turned(&self, x: &Tensor, gain: &Tensor, Sight { cos, sin, .. }: &Sight) -> Result<Tensor> {
        let (n, d) = (x.dim(0)?, gain.dim(0)?);
        let x = self.norm(&x.to_dtype(self.sums)?.reshape((n, (), d))?, gain)?;
        let (low, high) = (x.narrow(2, 0, d / 2)?, x.narrow(2, d / 2, d / 2)?);
        let turned_low = (low.broadcast_mul(cos)? - high.broadcast_mul(sin)?)?;
        let turned_high = (high.broadcast_mul(cos)? + low.broadcast_mul(sin)?)?;
        Tensor::cat(&[turned_low, turned_high], 2)
    }
}

/// `[n, heads, d]` to `[heads, n, d]`.
fn heads_first(x: &Tensor) -> Result<Tensor> {
    x.transpose(0, 1)?.contiguous()
}

/// `x / rms(x) * gain` over the last dimension.
pub(super) fn norm(x: &Tensor, gain: &Tensor, eps: f64) -> Result<Tensor> {
    let rms = (x.sqr()?.mean_keepdim(D::Minus1)? + eps)?.sqrt()?;
    x.broadcast_div(&rms)?.broadcast_mul(gain)
}

/// Over the last dimension.
fn softmax(scores: &Tensor) -> Result<Tensor> {
    let top = scores.max_keepdim(D::Minus1)?.detach();
    let e = scores.broadcast_sub(&top)?.exp()?;
    e.broadcast_div(&e.sum_keepdim(D::Minus1)?)
}

/// In the tanh form. Candle's own has six digits of its factor in the derivative.
fn gelu(x: &Tensor) -> Result<Tensor> {
    let inner = (x + (x.sqr()?.mul(x)? * GELU_CUBE)?)?;
    let tanh = (inner * GELU_SCALE)?.tanh()?;
    (x * 0.5)?.mul(&(tanh + 1.0)?)
}
