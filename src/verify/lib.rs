//! Is this answer good? Deterministic verifiers of a single answer, and the comparison of two.
//!
//! - [`verifier`]: what every student answer must pass before a client sees it;
//! - [`compare`]: how far a student's answer agrees with the teacher's, in [0, 1].
//!
//! Pure: no I/O, no clock, no chance; nothing written by a model is executed here.

pub mod choose;
pub mod compare;
pub mod comparison;
pub mod confidence;
pub mod measure;
pub mod prompt_key;
pub mod similarity {
    pub use crate::compare::rouge_l;
}
pub mod verifier;

pub use choose::{Choice, JudgeCheck, Kind, Repeat, Score, Seen, choose, corrupt};
pub use comparison::Comparison;
pub use confidence::{Calibration, Reliability};
pub use measure::Measure;
pub use verifier::{Verdict, Verifier, VerifierError, VerifierSettings, Verifiers};

#[cfg(test)]
mod tests;
