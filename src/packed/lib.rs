//! Matrices of blocks of few bits, in the order that our kernels read them, and products of activations with them.
//!
//! A weight has 8 bits or 4 ([`Bits`]), and 32 weights beside each other in a row share a scale. 8 bits cost a model next to nothing in quality,
//! 4 bits more than that (`docs/benchmarks/quality.md`). Activations become 8 bits by the same blocks. The sums of a block are sums of integers and
//! therefore exact on every processor; blocks are added up in one order, so that every kernel gives the same bits, and a row's result depends neither on
//! the batch nor on its neighbours.
//!
//! Beside the products stand the loops over many numbers that a model's answer needs and that want the same instructions.
//!
//! What is packed can be multiplied where it lies, so a mapped file needs no copy. Knows no model, no ONNX and no threads. `unsafe` is
//! needed for two things: to call what was compiled for a processor's own instructions, and to let threads write columns of one matrix.

mod activations;
mod bits;
mod exp;
mod gate;
mod kernel;
mod low_rank;
mod lowered;
mod matrix;
mod norms;
mod output;
mod pack;
mod product;
mod softmax;
mod tempered;

pub use activations::Activations;
pub use bits::{Bits, nearest_four};
pub use gate::gated_gelu;
pub use kernel::Kernel;
pub use low_rank::LowRank;
pub use lowered::{Lowered, Lowering};
pub use matrix::{Matrix, Shape};
pub use norms::{Joined, rms_norm};
pub use pack::Packed;
pub use product::Product;
pub use softmax::{Softmax, place_of_largest};
pub use tempered::{Tempered, Weighted};

/// Weights, and activations, that share a scale.
pub const BLOCK: usize = 32;
/// Outputs that a kernel computes at a time; their weights lie together, a tile.
pub const LANES: usize = 16;
/// Weights of an output that are multiplied by one instruction.
const STEP: usize = 4;
/// Steps of a block.
const STEPS: usize = BLOCK / STEP;
/// 1.5 x 2^23: what is added to it is rounded to an integer.
const ROUNDER: f32 = 12_582_912.0;

#[cfg(test)]
mod tests;
