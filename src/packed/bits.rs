//! How many bits a weight has, and what a block of weights becomes in so many.

use half::f16;

use crate::{BLOCK, ROUNDER};

/// Bits of a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// -8 to 7 times the scale, as ggml's Q4_0 has them.
    Four,
    /// -127 to 127 times the scale.
    Eight,
}

/// Where the largest weight of a block of four bits may come to lie, whatever its sign: the scale has one, too. The one with the least error is
/// taken; whole numbers among them find a scale again that the weights were made with.
const PLACES: [f32; 8] = [-8.0, -8.5, -7.5, -7.0, -6.5, -6.0, -5.0, -4.0];

impl Bits {
    /// What stands for zero in a weight's bits.
    #[must_use]
    pub(crate) fn middle(self) -> u8 {
        match self {
            Self::Four => 8,
            Self::Eight => 128,
        }
    }

    /// Of as many bits, if there is such a form.
    #[must_use]
    pub fn of(count: usize) -> Option<Self> {
        [Self::Four, Self::Eight].into_iter().find(|bits| bits.count() == count)
    }

    #[must_use]
    pub fn count(self) -> usize {
        8 / self.in_a_byte()
    }

    /// Weights in a byte.
    pub(crate) fn in_a_byte(self) -> usize {
        match self {
            Self::Four => 2,
            Self::Eight => 1,
        }
    }

    /// A block's scale, and its weights as multiples of it around the middle. What is missing of a block is zero.
    pub(crate) fn nearest(self, values: &[f32]) -> (f16, [u8; BLOCK]) {
        let mut block = [0.0; BLOCK];
        block.iter_mut().zip(values).for_each(|(into, value)| *into = *value);
        match self {
            Self::Four => nearest_four(&block),
            Self::Eight => nearest_eight(&block),
        }
    }
}

/// The scale of a block, its largest magnitude / 127, and its weights as bytes around 128.
fn nearest_eight(block: &[f32; BLOCK]) -> (f16, [u8; BLOCK]) {
    let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let scale = half(largest / 127.0);
    let inverse = inverse(scale);
    let byte = |value: f32| ((value * inverse).round().clamp(-127.0, 127.0) as i8).cast_unsigned() ^ 128;
    (scale, block.map(byte))
}

/// A block in 4 bits: its scale, and for every weight the code whose weight is `(code - 8) * scale`. Of several scales the one with the least sum of
/// squared errors.
#[must_use]
pub fn nearest_four(block: &[f32; BLOCK]) -> (f16, [u8; BLOCK]) {
    let largest =
        block.iter().fold(0.0_f32, |largest, value| if value.abs() > largest.abs() { *value } else { largest });
    let (mut best, mut least) = (f16::ZERO, f32::INFINITY);
    // Neither `round` nor `mul_add`: without their own instructions both are calls, and there are hundreds of millions of weights.
    for place in PLACES {
        let scale = f16::from_f32((largest / place).clamp(-f16::MAX.to_f32(), f16::MAX.to_f32()));
        let (step, inverse) = (scale.to_f32(), inverse(scale));
        let error = |sum: f32, value: &f32| {
            let error = code(*value, inverse) * step - value;
            sum + error * error
        };
        // Eight sums beside each other.
        let mut errors = [0.0; 8];
        for eight in block.as_chunks::<8>().0 {
            errors.iter_mut().zip(eight).for_each(|(sum, value)| *sum = error(*sum, value));
        }
        let error = errors.iter().sum::<f32>();
        if error < least {
            (best, least) = (scale, error);
        }
    }
    let inverse = inverse(best);
    (best, block.map(|value| (code(value, inverse) + 8.0) as u8))
}

/// A multiple of the scale; the even one of two as near.
#[inline(always)]
fn code(value: f32, inverse: f32) -> f32 {
    (value * inverse).clamp(-8.0, 7.0) + ROUNDER - ROUNDER
}

/// Weights so small that there is no scale are zero.
fn inverse(scale: f16) -> f32 {
    let step = scale.to_f32();
    if step == 0.0 { 0.0 } else { 1.0 / step }
}

/// The nearest half-precision number; of those that are far apart the one above, so that no weight is too large for it.
fn half(scale: f32) -> f16 {
    let nearest = f16::from_f32(scale).min(f16::MAX);
    let coarse = scale < f16::MIN_POSITIVE.to_f32() && nearest.to_f32() < scale;
    if coarse { f16::from_bits(nearest.to_bits() + 1) } else { nearest }
}
