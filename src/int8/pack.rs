//! Weights to 8-bit blocks in the kernels' order.

use half::f16;

use crate::{BLOCK, MIDDLE, Matrix, Shape};

/// A matrix as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    pub shape: Shape,
    /// `[tiles, blocks, STEPS, LANES, STEP]`
    pub bytes: Vec<u8>,
    /// `[tiles, blocks, LANES]`, half-precision numbers by their bits.
    pub scales: Vec<u16>,
}

impl Packed {
    /// Packs `weights`, rows of `width`. The scale of a block is its largest magnitude / 127, in half precision; the error of a weight is
    /// little more than half of it at most.
    #[must_use]
    pub fn of(weights: &[f32], width: usize) -> Self {
        let shape = Shape { width, outputs: weights.len() / width.max(1) };
        let mut packed = Self {
            shape,
            bytes: vec![MIDDLE; shape.tiles() * shape.tile_bytes()],
            scales: vec![0; shape.tiles() * shape.tile_scales()],
        };
        for (output, row) in weights.chunks_exact(width.max(1)).enumerate() {
            for (block, values) in row.chunks(BLOCK).enumerate() {
                let (scale, bytes) = steps(values);
                packed.scales[shape.scale_place(output, block)] = scale.to_bits();
                for (at, byte) in bytes.enumerate() {
                    packed.bytes[shape.place(output, block * BLOCK + at)] = byte;
                }
            }
        }
        packed
    }

    #[must_use]
    pub fn matrix(&self) -> Option<Matrix<'_>> {
        Matrix::new(self.shape, &self.bytes, &self.scales)
    }
}

/// The nearest half-precision number; of those that are far apart the one above, so that no weight is too large for it.
fn half(scale: f32) -> f16 {
    let nearest = f16::from_f32(scale).min(f16::MAX);
    let coarse = scale < f16::MIN_POSITIVE.to_f32() && nearest.to_f32() < scale;
    if coarse { f16::from_bits(nearest.to_bits() + 1) } else { nearest }
}

/// A block's scale, and its weights as multiples of it around 128.
fn steps(values: &[f32]) -> (f16, impl Iterator<Item = u8>) {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let scale = half(largest / 127.0);
    let step = scale.to_f32();
    // Multiples of the scale as it is stored. Weights so small that there is none are zero.
    let inverse = if step > 0.0 { 1.0 / step } else { 0.0 };
    let byte = move |value: &f32| ((value * inverse).round().clamp(-127.0, 127.0) as i8).cast_unsigned() ^ MIDDLE;
    (scale, values.iter().map(byte))
}
