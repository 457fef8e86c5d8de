//! The two number formats that training runs in, and access to a tensor's numbers.

use std::marker::PhantomData;
use std::ops::Deref;

use candle_core::{Device, Result, Storage, StorageRef, Tensor, WithDType};
use frozen::{FrozenMatrix, Number};

/// `f32` for work, `f64` for finite differences.
pub(crate) trait Float: WithDType + Number + Default + std::ops::Neg<Output = Self> {
    /// [`FrozenMatrix::forward`], in `f32` alone.
    fn frozen_forward(matrix: &FrozenMatrix, x: &[Self], y: &mut [Self]) -> Result<()>;
    /// [`FrozenMatrix::backward`], in `f32` alone.
    fn frozen_backward(matrix: &FrozenMatrix, dy: &[Self], dx: &mut [Self]) -> Result<()>;
    fn sqrt(self) -> Self;
    /// e to the power of `self`; finite for every finite argument.
    fn exp_approx(self) -> Self;
    /// The index of the largest number, the first of equals.
    fn argmax(values: &[Self]) -> usize {
        let mut best = 0;
        let mut top = None;
        for (i, v) in values.iter().enumerate() {
            if top.is_none_or(|t| *v > t) {
                (best, top) = (i, Some(*v));
            }
        }
        best
    }
}

impl Float for f32 {
    fn frozen_forward(matrix: &FrozenMatrix, x: &[Self], y: &mut [Self]) -> Result<()> {
        matrix.forward(x, y);
        Ok(())
    }

    fn frozen_backward(matrix: &FrozenMatrix, dy: &[Self], dx: &mut [Self]) -> Result<()> {
        matrix.backward(dy, dx);
        Ok(())
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    /// Argument reduction to |r| <= ln(2)/2 and a polynomial of degree 6: no branch and no call, so
    /// that loops over it become vector code. Relative error below 2e-7.
    #[inline(always)]
    fn exp_approx(self) -> Self {
        // Adding 1.5 * 2^23 rounds to a whole number, which is then found in the low bits.
        const MAGIC: f32 = 12_582_912.0;
        let x = self.clamp(-87.0, 88.0);
        let shifted = x * std::f32::consts::LOG2_E + MAGIC;
        let n = shifted - MAGIC;
        // ln 2 in two parts, the first exact when multiplied by a small whole number.
        let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
        let tail = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0));
        let poly = 1.0 + r + r * r * (0.5 + r * (1.0 / 6.0 + r * tail));
        poly * Self::from_bits(shifted.to_bits().wrapping_add(127) << 23)
    }
}

impl Float for f64 {
    fn frozen_forward(_: &FrozenMatrix, _: &[Self], _: &mut [Self]) -> Result<()> {
        candle_core::bail!("a frozen matrix is multiplied in f32")
    }

    fn frozen_backward(_: &FrozenMatrix, _: &[Self], _: &mut [Self]) -> Result<()> {
        candle_core::bail!("a frozen matrix is multiplied in f32")
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn exp_approx(self) -> Self {
        self.clamp(-700.0, 700.0).exp()
    }
}

/// The numbers of a contiguous CPU tensor.
pub(crate) struct View<'a, T> {
    storage: StorageRef<'a>,
    start: usize,
    len: usize,
    number: PhantomData<T>,
}

impl<T: Float> Deref for View<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // `view` has checked device, format and bounds.
        match &*self.storage {
            Storage::Cpu(cpu) => {
                T::cpu_storage_as_slice(cpu).ok().and_then(|s| s.get(self.start..self.start + self.len))
            }
            _ => None,
        }
        .unwrap_or_default()
    }
}

/// Reads `tensor`, row-major.
pub(crate) fn view<T: Float>(tensor: &Tensor) -> Result<View<'_, T>> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("a kernel was given a tensor of shape {:?} that is not contiguous", layout.shape());
    };
    match &*storage {
        Storage::Cpu(cpu) if T::cpu_storage_as_slice(cpu)?.len() >= end => {}
        _ => candle_core::bail!("a kernel was given a tensor that is not on the CPU"),
    }
    Ok(View { storage, start, len: end - start, number: PhantomData })
}

/// A CPU tensor that owns `values`.
pub(crate) fn tensor<T: Float>(values: Vec<T>, shape: impl Into<candle_core::Shape>) -> Result<Tensor> {
    Tensor::from_vec(values, shape.into(), &Device::Cpu)
}

/// Sum of products. Sixteen partial sums, so that it becomes vector code.
#[inline(always)]
pub(crate) fn dot<T: Float>(a: &[T], b: &[T]) -> T {
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    let mut partial = [T::default(); 16];
    for (x, y) in a16.iter().zip(b16) {
        for ((p, x), y) in partial.iter_mut().zip(x).zip(y) {
            *p += *x * *y;
        }
    }
    let mut sum = T::default();
    for p in partial {
        sum += p;
    }
    for (x, y) in a_rest.iter().zip(b_rest) {
        sum += *x * *y;
    }
    sum
}

#[cfg(test)]
mod tests;
