//! How a packed matrix lies in memory.

use half::f16;

use crate::kernel::Cut;
use crate::{BLOCK, BLOCK_BYTES, LANES, MIDDLE, STEP};

/// Sizes of a matrix that maps `width` numbers to `outputs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub width: usize,
    pub outputs: usize,
}

impl Shape {
    /// Tiles of [`LANES`] outputs; the last one may be filled up.
    #[must_use]
    pub fn tiles(self) -> usize {
        self.outputs.div_ceil(LANES)
    }

    /// Blocks of an output's weights; the last one may be filled up.
    #[must_use]
    pub fn blocks(self) -> usize {
        self.width.div_ceil(BLOCK)
    }

    /// Bytes of a tile's weights.
    #[must_use]
    pub fn tile_bytes(self) -> usize {
        self.blocks() * BLOCK_BYTES
    }

    /// Scales of a tile.
    #[must_use]
    pub fn tile_scales(self) -> usize {
        self.blocks() * LANES
    }

    /// Where a weight's byte lies: by tile, block, four weights, output, weight.
    pub(crate) fn place(self, output: usize, at: usize) -> usize {
        let (step, lane) = (at / STEP, output % LANES);
        output / LANES * self.tile_bytes() + (step * LANES + lane) * STEP + at % STEP
    }

    /// Where a block's scale lies: by tile, block, output.
    pub(crate) fn scale_place(self, output: usize, block: usize) -> usize {
        output / LANES * self.tile_scales() + block * LANES + output % LANES
    }
}

/// A packed matrix where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    shape: Shape,
    bytes: &'a [u8],
    /// Half-precision numbers, by their bits.
    scales: &'a [u16],
}

impl<'a> Matrix<'a> {
    /// Nothing where the parts are not of this shape.
    #[must_use]
    pub fn new(shape: Shape, bytes: &'a [u8], scales: &'a [u16]) -> Option<Self> {
        let fits =
            bytes.len() == shape.tiles() * shape.tile_bytes() && scales.len() == shape.tiles() * shape.tile_scales();
        fits.then_some(Self { shape, bytes, scales })
    }

    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) fn cut(&self, tile: usize) -> Option<Cut<'a>> {
        let (bytes, scales) = (self.shape.tile_bytes(), self.shape.tile_scales());
        Some(Cut {
            bytes: self.bytes.get(tile * bytes..(tile + 1) * bytes)?,
            scales: self.scales.get(tile * scales..(tile + 1) * scales)?,
        })
    }

    /// The weights of one output; nothing where there is no such output.
    #[must_use]
    pub fn row(&self, output: usize) -> Option<Vec<f32>> {
        if output >= self.shape.outputs {
            return None;
        }
        let weight = |at: usize| {
            let byte = self.bytes.get(self.shape.place(output, at))?;
            let scale = self.scales.get(self.shape.scale_place(output, at / BLOCK))?;
            Some((f32::from(*byte) - f32::from(MIDDLE)) * f16::from_bits(*scale).to_f32())
        };
        (0..self.shape.width).map(weight).collect()
    }
}
