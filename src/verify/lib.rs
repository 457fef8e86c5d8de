//! Is this answer good? Deterministic verifiers of a single answer, and the comparison of two.
//!
//! - [`verifier`]: what every student answer must pass before a client sees it; [`tools`]: tool calls;
//! - [`measure`], [`score`]: what a student's answer is worth beside the teacher's; [`facts`] first, then [`fields`] or
//!   [`similarity`];
//! - [`choose`]: which measure fits a call site's own traffic; [`corrupt`]: bad answers to calibrate a judge with;
//! - [`confidence`], [`calibration`], [`reliability`]: how sure the student was, and whether that can be believed;
//! - [`thresholds`]: which thresholds of that are worth testing;
//! - [`binomial`]: how sure one may be of a probability that was counted;
//! - [`prompt_key`]: which prompts are one and the same.
//!
//! Pure: no I/O, no clock, no chance; nothing written by a model is executed here.

pub mod binomial;
pub mod calibration;
pub mod choose;
mod common_words;
pub mod comparison;
pub mod confidence;
pub mod corrupt;
pub mod facts;
pub mod fields;
pub mod measure;
pub mod prompt_key;
pub mod reliability;
pub mod score;
pub mod similarity;
pub mod thresholds;
pub mod tools;
pub mod verifier;
mod words;

pub use binomial::clopper_pearson_lower;
pub use calibration::{Calibration, Features};
pub use choose::{Choice, JudgeCheck, Kind, Repeat, choose};
pub use comparison::Comparison;
pub use corrupt::corrupt;
pub use facts::wrong_fact;
pub use measure::Measure;
pub use reliability::{Reliability, ReliabilityRow};
pub use score::{Score, Seen};
pub use similarity::rouge_l;
pub use verifier::{Verdict, Verifier, VerifierError, VerifierSettings, Verifiers};

#[cfg(test)]
mod tests;
