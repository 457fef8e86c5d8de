//! Matrices that are never trained, as their file holds them: mapped, or quantised, and multiplied both ways.
//!
//! A weight lies in memory once, in its file's own number format ([`Format`]) or packed to 8 or 4 bits ([`Quantization`]). A product widens one tile of
//! it at a time to `f32`, in the processor's cache, and multiplies all rows by it (`product`): what that costs is shared by the rows of the batch. No
//! second copy of the weights is ever made.
//!
//! There is `unsafe` in it for two things that have no safe form: mapping a file and handing slices to `gemm`. It knows no model and no tensor library.

mod block;
mod error;
mod map;
mod matrix;
mod nf4;
mod numbers;
mod product;
mod quantize;
mod vectors;

pub use error::FrozenError;
pub use map::MappedFile;
pub use matrix::FrozenMatrix;
pub use numbers::Format;
pub use product::{Factor, Number, Sums, add_product};
pub use quantize::Quantization;
pub use vectors::vectorised;

#[cfg(test)]
mod tests;
