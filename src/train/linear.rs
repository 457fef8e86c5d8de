//! A matrix that is frozen, frozen with a trained low-rank term, or trained itself.

use candle_core::{Result, Tensor};

use crate::float::{Float, tensor, view};

/// What of a matrix is trained. Indices are places in the list of trained parameters.
#[derive(Clone)]
pub(crate) enum Trained {
    Nothing,
    /// `x Wᵀ + scale (x Aᵀ) Bᵀ`; `a` is `[rank, in]`, `b` is `[out, rank]`.
    LowRank {
        a: Tensor,
        b: Tensor,
        scale: f64,
        index: usize,
    },
    All {
        index: usize,
    },
}

#[derive(Clone)]
pub(crate) struct Matrix {
    /// `[out, in]`
    pub(crate) weight: Tensor,
    pub(crate) trained: Trained,
}

/// The gradients of one backward pass, by parameter.
pub(crate) struct Gradients(Vec<Option<Tensor>>);

impl Gradients {
    pub(crate) fn new(parameters: usize) -> Self {
        Self(vec![None; parameters])
    }

    pub(crate) fn add(&mut self, index: usize, gradient: Tensor) -> Result<()> {
        if let Some(slot) = self.0.get_mut(index) {
            *slot = Some(match slot.take() {
                Some(sum) => (sum + gradient)?,
                None => gradient,
            });
        }
        Ok(())
    }

    /// Adds everything to `sums`, which has the same order.
    pub(crate) fn add_to<T: Float>(&self, sums: &mut [Vec<T>]) -> Result<()> {
        for (gradient, sum) in self.0.iter().zip(sums) {
            if let Some(gradient) = gradient {
                let gradient = gradient.contiguous()?;
                view::<T>(&gradient)?.iter().zip(sum).for_each(|(g, s)| *s += *g);
            }
        }
        Ok(())
    }
}

impl Matrix {
    /// `[n, in]` to `[n, out]`; the second tensor is `x Aᵀ`, which the backward pass wants again.
    pub(crate) fn forward<T: Float>(&self, x: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let y = x.matmul(&self.weight.t()?)?;
        let Trained::LowRank { a, b, scale, .. } = &self.trained else {
            return Ok((y, None));
        };
        let low = x.matmul(&a.t()?)?;
        let update = low.matmul(&b.t()?)?;
        Ok((add_scaled::<T>(&y, &update, *scale)?, Some(low)))
    }

    /// From the derivative by the result to the derivative by `x`; puts the parameters' own into
    /// `gradients`. A frozen matrix costs no gradient of its own.
    pub(crate) fn backward<T: Float>(
        &self,
        x: &Tensor,
        low: Option<&Tensor>,
        dy: &Tensor,
        gradients: &mut Gradients,
    ) -> Result<Tensor> {
        let dx = dy.matmul(&self.weight)?;
        match (&self.trained, low) {
            (Trained::LowRank { a, b, scale, index }, Some(low)) => {
                let d_low = scaled::<T>(&dy.matmul(b)?, *scale)?;
                gradients.add(*index, d_low.t()?.matmul(x)?)?;
                gradients.add(*index + 1, dy.t()?.matmul(&scaled::<T>(low, *scale)?)?)?;
                add_scaled::<T>(&dx, &d_low.matmul(a)?, 1.0)
            }
            (Trained::All { index }, _) => {
                gradients.add(*index, dy.t()?.matmul(x)?)?;
                Ok(dx)
            }
            _ => Ok(dx),
        }
    }
}

/// `x + scale * y`
pub(crate) fn add_scaled<T: Float>(x: &Tensor, y: &Tensor, scale: f64) -> Result<Tensor> {
    let (a, b) = (view::<T>(x)?, view::<T>(y)?);
    let scale = T::from_f64(scale);
    tensor(a.iter().zip(b.iter()).map(|(a, b)| *a + scale * *b).collect(), x.shape())
}

fn scaled<T: Float>(x: &Tensor, scale: f64) -> Result<Tensor> {
    let scale = T::from_f64(scale);
    tensor(view::<T>(x)?.iter().map(|v| *v * scale).collect(), x.shape())
}
