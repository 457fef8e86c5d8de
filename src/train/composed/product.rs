//! Products with frozen weights, with and without a trained low-rank term.
//!
//! Autograd would compute the derivative by a weight that is never trained, a third of a layer's work; it is shown an
//! operation of one argument instead, which knows the derivative by that alone.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, Layout, Result, Shape, Storage, Tensor, Var};

/// `x Wᵀ`; the weight is `[out, in]`.
struct Frozen(Tensor);

/// A low-rank term that is trained: `scale (x Aᵀ) Bᵀ`.
pub(super) struct Trained {
    pub(super) a: Var,
    pub(super) b: Var,
    pub(super) scale: f64,
    /// The places of A and B in the list of trained parameters.
    pub(super) indices: [usize; 2],
}

pub(super) struct Matrix {
    weight: Tensor,
    pub(super) trained: Option<Trained>,
}

impl Matrix {
    /// `weight` is `[out, in]`.
    pub(super) fn new(weight: Tensor) -> Self {
        Self { weight, trained: None }
    }

    /// `[n, in]` to `[n, out]`; autograd sees the low-rank term if `taped`.
    pub(super) fn forward(&self, x: &Tensor, taped: bool) -> Result<Tensor> {
        let y = x.apply_op1(Frozen(self.weight.clone()))?;
        let Some(Trained { a, b, scale, .. }) = &self.trained else { return Ok(y) };
        let of = |var: &Var| if taped { var.as_tensor().clone() } else { var.as_detached_tensor() };
        let (a, b) = (of(a).to_dtype(x.dtype())?, of(b).to_dtype(x.dtype())?);
        y + (x.matmul(&a.t()?)?.matmul(&b.t()?)? * *scale)?
    }
}

impl Frozen {
    /// The product on whatever device both are.
    fn product<S: BackendStorage>(&self, x: &S, layout: &Layout, weight: &S) -> Result<(S, Shape)> {
        let ((rows, width), (out, inn)) = (layout.shape().dims2()?, self.0.dims2()?);
        if width != inn {
            candle_core::bail!("{width} features are given to a matrix of {inn}");
        }
        let transposed = self.0.layout().transpose(0, 1)?;
        Ok((x.matmul(weight, (1, rows, out, inn), layout, &transposed)?, Shape::from((rows, out))))
    }
}

impl CustomOp1 for Frozen {
    fn name(&self) -> &'static str {
        "frozen"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        match &*self.0.storage_and_layout().0 {
            Storage::Cpu(weight) => self.product(x, layout, weight),
            _ => candle_core::bail!("the weight is not where its argument is"),
        }
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        match &*self.0.storage_and_layout().0 {
            Storage::Cuda(weight) => self.product(x, layout, weight),
            _ => candle_core::bail!("the weight is not where its argument is"),
        }
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(dy.matmul(&self.0)?))
    }
}
