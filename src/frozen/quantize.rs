//! Packing a matrix to 8 or 4 bits a number.

use half::f16;
use rayon::prelude::*;

use packed::nearest_four;

use crate::block::{BLOCK, largest};
use crate::nf4::Nf4;
use crate::numbers::Numbers;

/// Blocks that are worth a task of their own.
const PART: usize = 256;

/// How a frozen matrix is packed (QLoRA, Dettmers et al. 2023: frozen weights in few bits, low-rank terms in full).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantization {
    /// 8.5 bits a number: blocks of 32 with a 16-bit scale, as ggml's.
    Q8_0,
    /// 4.5 bits a number: blocks of 32 with a 16-bit scale, as ggml's. The very numbers of a student's graph in `i4packed`.
    Q4_0,
    /// 4.13 bits a number: blocks of 64 on the quantiles of a normal distribution, their scales packed to 8 bits again.
    Nf4,
}

impl Quantization {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
            Self::Nf4 => "nf4",
        }
    }

    /// `values` has whole blocks of 32.
    pub(crate) fn pack(self, values: &[f32]) -> Numbers {
        let blocks = values.as_chunks::<BLOCK>().0.par_iter().with_min_len(PART);
        match self {
            Self::Q8_0 => {
                let (scales, codes): (Vec<f16>, Vec<[i8; BLOCK]>) = blocks.map(nearest_eight).unzip();
                Numbers::Q8_0 { codes: codes.into_flattened(), scales }
            }
            Self::Q4_0 => {
                let (scales, codes): (Vec<f16>, Vec<[u8; BLOCK / 2]>) =
                    blocks.map(nearest_four).map(|(scale, codes)| (scale, halves(&codes))).unzip();
                Numbers::Q4_0 { codes: codes.into_flattened(), scales }
            }
            Self::Nf4 => Numbers::Nf4(Nf4::pack(values)),
        }
    }
}

/// A block's scale and codes, by the scale as it is kept, so that its own rounding is made good.
fn nearest_eight(block: &[f32; BLOCK]) -> (f16, [i8; BLOCK]) {
    let scale = f16::from_f32(largest(block) / 127.0);
    let inverse = if scale == f16::ZERO { 0.0 } else { 1.0 / scale.to_f32() };
    (scale, block.map(|value| (value * inverse).round() as i8))
}

/// The first sixteen codes in the low halves of the bytes.
fn halves(codes: &[u8; BLOCK]) -> [u8; BLOCK / 2] {
    std::array::from_fn(|at| codes[at] | codes[at + BLOCK / 2] << 4)
}
