//! Weights to blocks in the kernels' order.

use crate::{BLOCK, Bits, Matrix, Shape};

/// A matrix as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    pub shape: Shape,
    /// `[tiles, blocks, STEPS, LANES, STEP]` where a weight has eight bits. Of four bits half as many steps: the other half in the upper bits.
    pub bytes: Vec<u8>,
    /// `[tiles, blocks, LANES]`, half-precision numbers by their bits.
    pub scales: Vec<u16>,
}

impl Packed {
    /// Packs `weights`, rows of `width`. Of eight bits the error of a weight is little more than half a step at most; of four bits the sum of a
    /// block's squared errors is small.
    #[must_use]
    pub fn of(weights: &[f32], width: usize, bits: Bits) -> Self {
        let shape = Shape { width, outputs: weights.len() / width.max(1), bits };
        let mut packed = Self {
            shape,
            bytes: vec![0; shape.tiles() * shape.tile_bytes()],
            scales: vec![0; shape.tiles() * shape.tile_scales()],
        };
        for output in 0..shape.tiles() * crate::LANES {
            // A tile is filled up with outputs that are zero.
            let row = weights.chunks_exact(width.max(1)).nth(output).unwrap_or_default();
            for block in 0..shape.blocks() {
                let values = row.get(block * BLOCK..row.len().min((block + 1) * BLOCK)).unwrap_or_default();
                let (scale, codes) = bits.nearest(values);
                packed.scales[shape.scale_place(output, block)] = scale.to_bits();
                for (at, code) in codes.into_iter().enumerate() {
                    let (place, shift) = shape.place(output, block * BLOCK + at);
                    packed.bytes[place] |= code << shift;
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
