//! One frozen matrix.

use rayon::prelude::*;

use crate::block::BLOCK;
use crate::error::FrozenError;
use crate::map::MappedFile;
use crate::numbers::{Format, Numbers};
use crate::product::{self, Sums};
use crate::quantize::Quantization;

/// `[out, in]`, row after row.
pub struct FrozenMatrix {
    out: usize,
    inn: usize,
    numbers: Numbers,
}

impl FrozenMatrix {
    /// The matrix at `offset` bytes of a file, in the file's own memory.
    ///
    /// # Errors
    /// When the file ends before it.
    pub fn mapped(
        file: &MappedFile,
        offset: usize,
        format: Format,
        (out, inn): (usize, usize),
    ) -> Result<Self, FrozenError> {
        let part = file.part(offset, out * inn * format.bytes())?;
        Ok(Self { out, inn, numbers: Numbers::File { part, format } })
    }

    /// The same numbers in few bits, in memory. Where they came from a file its pages are let go.
    ///
    /// # Errors
    /// When its rows are not whole blocks.
    pub fn quantized(&self, quantization: Quantization) -> Result<Self, FrozenError> {
        if !self.inn.is_multiple_of(BLOCK) {
            return Err(FrozenError::Block { inn: self.inn, block: BLOCK, format: quantization.name() });
        }
        let mut values = vec![0.0; self.out * self.inn];
        self.numbers.widen(0, &mut values);
        if let Numbers::File { part, .. } = &self.numbers {
            part.release();
        }
        Ok(Self { out: self.out, inn: self.inn, numbers: quantization.pack(&values) })
    }

    /// `(out, in)`
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.out, self.inn)
    }

    /// Bytes that the numbers take, of memory or of the mapped file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.numbers.bytes()
    }

    /// Whether none of its numbers is infinite or no number at all. Reads all of it.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.numbers.are_finite()
    }

    /// Its rows `rows`, one after another: `[rows.len(), in]`. A row that it has not is zero.
    #[must_use]
    pub fn rows(&self, rows: &[u32]) -> Vec<f32> {
        let mut values = vec![0.0; rows.len() * self.inn];
        values.par_chunks_mut(self.inn).with_min_len(64).zip(rows).for_each(|(values, row)| {
            if (*row as usize) < self.out {
                self.numbers.widen(*row as usize * self.inn, values);
            }
        });
        values
    }

    /// Adds `x Wᵀ` to `y`: from `[n, in]` to `[n, out]`.
    ///
    /// # Panics
    /// When `x` has fewer rows than `y`.
    pub fn forward(&self, x: &[f32], y: &mut [f32]) {
        product::forward(&self.numbers, self.shape(), x, Sums::rows(y, self.out));
    }

    /// Adds `dy W` to `dx`: from `[n, out]` to `[n, in]`.
    ///
    /// # Panics
    /// When `dy` has fewer rows than `dx`.
    pub fn backward(&self, dy: &[f32], dx: &mut [f32]) {
        product::backward(&self.numbers, self.shape(), dy, Sums::rows(dx, self.inn));
    }
}
