//! Is this answer good? Deterministic verifiers of a single answer, and the comparison of two.
//!
//! - [`check`]: what every student answer must pass before a client sees it;
//! - [`compare`]: how far a student's answer agrees with the teacher's, in [0, 1].
//!
//! Pure: no I/O, no clock, no chance; nothing written by a model is executed here.

pub mod check;
pub mod compare;
pub mod confidence;

pub use check::{VerifierError, VerifierSettings, Verifiers};
pub use compare::Comparison;

#[cfg(test)]
mod tests;
