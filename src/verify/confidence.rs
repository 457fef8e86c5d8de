//! One number for how sure the student was of its answer.
//!
//! The hand-over's thresholds are about this number, so a change of its meaning needs a new
//! [`CONFIDENCE_MODEL`] and new evidence.

use wire::Signals;

use crate::Calibration;

/// Names the meaning of [`confidence`].
pub const CONFIDENCE_MODEL: &str = "least-sure-token-2";

/// The probability of the least sure token of the answer, or of its values where it is JSON, in [0, 1]: a slot copied wrongly shows in one
/// token and is washed out by any mean.
#[must_use]
pub fn confidence(signals: &Signals) -> f64 {
    f64::from(signals.min_logprob).exp().clamp(0.0, 1.0)
}

/// The confidence that a version's answer is held to: by its calibration, or [`confidence`] where it has none.
#[must_use]
pub fn of(signals: &Signals, calibration: Option<&Calibration>) -> f64 {
    calibration.map_or_else(|| confidence(signals), |calibration| calibration.confidence(signals))
}
