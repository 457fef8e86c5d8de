//! The student against the references: transformers' logits, its own single precision, merged weights.

mod answers;
mod failures;
pub(crate) mod fixture;
mod integers;
mod parity;
mod swaps;
