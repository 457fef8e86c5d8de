//! A matrix that is frozen, frozen with a trained low-rank term, or trained itself.

use candle_core::{Result, Tensor};
use frozen::{Factor, Sums, add_product};

use crate::float::{Float, tensor, view};
use crate::weight::Weight;

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
    pub(crate) weight: Weight,
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
        let (n, (out, inn)) = (x.dim(0)?, self.weight.shape()?);
        let mut y = self.weight.forward::<T>(x)?;
        let low = match &self.trained {
            Trained::LowRank { a, b, scale, .. } => {
                let (rank, a, b) = (a.dim(0)?, view::<T>(a)?, view::<T>(b)?);
                let a = Factor::transposed(&a, inn);
                let low = product(Factor::rows(&view::<T>(x)?, inn), a, (n, inn, rank), 1.0);
                let sums = Sums::rows(&mut y, out);
                add_product(sums, Factor::rows(&low, rank), Factor::transposed(&b, rank), rank, T::from_f64(*scale));
                Some(tensor(low, (n, rank))?)
            }
            _ => None,
        };
        Ok((tensor(y, (n, out))?, low))
    }

    /// Adds the derivative by `x` to `dx`, `[n, in]`; puts the parameters' own into `gradients`. A frozen matrix costs no
    /// gradient of its own.
    fn add_backward<T: Float>(
        &self,
        x: &Tensor,
        low: Option<&Tensor>,
        dy: &Tensor,
        dx: &mut [T],
        gradients: &mut Gradients,
    ) -> Result<()> {
        self.weight.backward::<T>(dy, dx)?;
        let (n, (out, inn)) = (x.dim(0)?, self.weight.shape()?);
        let (x, dy) = (view::<T>(x)?, view::<T>(dy)?);
        let (x, by_result) = (Factor::rows(&x, inn), Factor::transposed(&dy, out));
        match (&self.trained, low) {
            (Trained::LowRank { a, b, scale, index }, Some(low)) => {
                let (rank, a, b, low) = (a.dim(0)?, view::<T>(a)?, view::<T>(b)?, view::<T>(low)?);
                let d_low = product(Factor::rows(&dy, out), Factor::rows(&b, rank), (n, out, rank), *scale);
                let d_a = product(Factor::transposed(&d_low, rank), x, (rank, n, inn), 1.0);
                let d_b = product(by_result, Factor::rows(&low, rank), (out, n, rank), *scale);
                gradients.add(*index, tensor(d_a, (rank, inn))?)?;
                gradients.add(*index + 1, tensor(d_b, (out, rank))?)?;
                let sums = Sums::rows(dx, inn);
                add_product(sums, Factor::rows(&d_low, rank), Factor::rows(&a, inn), rank, T::from_f64(1.0));
                Ok(())
            }
            (Trained::All { index }, _) => {
                gradients.add(*index, tensor(product(by_result, x, (out, n, inn), 1.0), (out, inn))?)
            }
            _ => Ok(()),
        }
    }
}

/// A matrix that was given an `x`, what it kept of it (`x Aᵀ`), and the derivative by its result.
pub(crate) type Pulled<'a> = (&'a Matrix, Option<&'a Tensor>, &'a Tensor);

/// From the derivatives by the results of matrices that were all given `x` to the derivative by it; puts the parameters'
/// own into `gradients`.
pub(crate) fn backward<T: Float>(x: &Tensor, results: &[Pulled<'_>], gradients: &mut Gradients) -> Result<Tensor> {
    let mut dx = vec![T::default(); x.elem_count()];
    for (matrix, low, dy) in results {
        matrix.add_backward::<T>(x, *low, dy, &mut dx, gradients)?;
    }
    tensor(dx, x.shape())
}

/// `scale * left right` of `[n, terms]` and `[terms, width]`.
fn product<T: Float>(
    left: Factor<'_, T>,
    right: Factor<'_, T>,
    (n, terms, width): (usize, usize, usize),
    scale: f64,
) -> Vec<T> {
    let mut values = vec![T::default(); n * width];
    add_product(Sums::rows(&mut values, width), left, right, terms, T::from_f64(scale));
    values
}

/// `x + scale * y`
pub(crate) fn add_scaled<T: Float>(x: &Tensor, y: &Tensor, scale: f64) -> Result<Tensor> {
    let (a, b) = (view::<T>(x)?, view::<T>(y)?);
    let scale = T::from_f64(scale);
    tensor(a.iter().zip(b.iter()).map(|(a, b)| *a + scale * *b).collect(), x.shape())
}
