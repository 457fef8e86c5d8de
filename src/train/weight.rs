//! A weight in memory: frozen as its file holds it, or numbers of the run's own.

use std::sync::Arc;

use candle_core::{DType, Result, Tensor};
use frozen::{Factor, FrozenMatrix, Sums, add_product};

use crate::float::{Float, tensor, view};
use crate::kernels::gather_rows;

/// `[out, in]`
#[derive(Clone)]
pub(crate) enum Weight {
    /// Multiplied in `f32` alone.
    Frozen(Arc<FrozenMatrix>),
    Own(Tensor),
}

impl Weight {
    /// The matrix as numbers of `T` multiply it.
    pub(crate) fn frozen<T: Float>(matrix: FrozenMatrix) -> Result<Self> {
        if T::DTYPE == DType::F32 {
            return Ok(Self::Frozen(Arc::new(matrix)));
        }
        let (out, inn) = matrix.shape();
        let rows: Vec<u32> = (0..out as u32).collect();
        let widened = matrix.rows(&rows).into_iter().map(|value| T::from_f64(f64::from(value)));
        Ok(Self::Own(tensor(widened.collect(), (out, inn))?))
    }

    /// `(out, in)`
    pub(crate) fn shape(&self) -> Result<(usize, usize)> {
        match self {
            Self::Frozen(matrix) => Ok(matrix.shape()),
            Self::Own(tensor) => tensor.dims2(),
        }
    }

    /// `x Wᵀ`: from `[n, in]` to `[n, out]`.
    pub(crate) fn forward<T: Float>(&self, x: &Tensor) -> Result<Vec<T>> {
        let (out, inn) = self.shape()?;
        let (rows, width) = x.dims2()?;
        if width != inn {
            candle_core::bail!("{width} features are given to a matrix of {inn}");
        }
        let mut y = vec![T::default(); rows * out];
        let x = view::<T>(x)?;
        match self {
            Self::Frozen(matrix) => T::frozen_forward(matrix, &x, &mut y)?,
            Self::Own(weight) => {
                let weight = view::<T>(weight)?;
                let sums = Sums::rows(&mut y, out);
                add_product(sums, Factor::rows(&x, inn), Factor::transposed(&weight, inn), inn, T::from_f64(1.0));
            }
        }
        Ok(y)
    }

    /// Adds `dy W` to `dx`: from `[n, out]` to `[n, in]`.
    pub(crate) fn backward<T: Float>(&self, dy: &Tensor, dx: &mut [T]) -> Result<()> {
        let (out, inn) = self.shape()?;
        if dy.dims2()? != (dx.len() / inn, out) {
            candle_core::bail!("a derivative of shape {:?} is given to a matrix of {out} results", dy.shape());
        }
        let dy = view::<T>(dy)?;
        match self {
            Self::Frozen(matrix) => T::frozen_backward(matrix, &dy, dx),
            Self::Own(weight) => {
                let weight = view::<T>(weight)?;
                let sums = Sums::rows(dx, inn);
                add_product(sums, Factor::rows(&dy, out), Factor::rows(&weight, inn), out, T::from_f64(1.0));
                Ok(())
            }
        }
    }

    /// Its rows `rows`: `[rows.len(), in]`.
    pub(crate) fn rows<T: Float>(&self, rows: &[u32]) -> Result<Tensor> {
        match self {
            Self::Frozen(matrix) => {
                let (out, inn) = matrix.shape();
                match rows.iter().find(|row| **row as usize >= out) {
                    Some(row) => candle_core::bail!("row {row} of {out} was asked for"),
                    None => tensor(matrix.rows(rows), (rows.len(), inn)),
                }
            }
            Self::Own(weight) => gather_rows::<T>(weight, rows),
        }
    }
}
