//! How a packed matrix lies in memory.

use half::f16;

use crate::kernel::Cut;
use crate::{BLOCK, Bits, LANES, STEP, STEPS};

/// Sizes of a matrix that maps `width` numbers to `outputs` by weights of `bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub width: usize,
    pub outputs: usize,
    pub bits: Bits,
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
        self.blocks() * BLOCK * LANES / self.bits.in_a_byte()
    }

    /// Scales of a tile.
    #[must_use]
    pub fn tile_scales(self) -> usize {
        self.blocks() * LANES
    }

    /// The byte that a weight lies in, by tile, block, four weights, output, weight; and how far up in it. A block's later steps of four bits lie
    /// above its earlier ones.
    pub(crate) fn place(self, output: usize, at: usize) -> (usize, u32) {
        let (block, step, lane) = (at / BLOCK, at % BLOCK / STEP, output % LANES);
        let (steps, above) = (STEPS / self.bits.in_a_byte(), step / (STEPS / self.bits.in_a_byte()));
        let step = block * steps + step % steps;
        (output / LANES * self.tile_bytes() + (step * LANES + lane) * STEP + at % STEP, 4 * above as u32)
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
            let (place, shift) = self.shape.place(output, at);
            let code = match self.shape.bits {
                Bits::Four => self.bytes.get(place)? >> shift & 15,
                Bits::Eight => *self.bytes.get(place)?,
            };
            let scale = self.scales.get(self.shape.scale_place(output, at / BLOCK))?;
            Some((f32::from(code) - f32::from(self.shape.bits.middle())) * f16::from_bits(*scale).to_f32())
        };
        (0..self.shape.width).map(weight).collect()
    }
}
