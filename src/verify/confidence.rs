//! One number for how sure the student was of its answer.
//!
//! The hand-over's thresholds are about this number, so a change of its meaning needs a new
//! [`CONFIDENCE_MODEL`] and new evidence.

use wire::Signals;

/// Names the meaning of [`confidence`].
pub const CONFIDENCE_MODEL: &str = "least-sure-token-1";

/// The probability of the least sure token of the answer, in [0, 1]: a slot copied wrongly shows in one
/// token and is washed out by any mean.
#[must_use]
pub fn confidence(signals: &Signals) -> f64 {
    f64::from(signals.min_logprob).exp().clamp(0.0, 1.0)
}

/// Stub.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Calibration {}
impl Calibration {
    #[must_use]
    pub fn fit(_: &[(Signals, bool)]) -> Option<Self> {
        None
    }
    #[must_use]
    pub fn confidence(&self, signals: &Signals) -> f64 {
        confidence(signals)
    }
}

/// Stub.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Reliability {
    bins: Vec<u32>,
}
impl Reliability {
    pub fn observe(&mut self, _: f64, _: bool) {}
    #[must_use]
    pub fn expected_calibration_error(&self) -> Option<f64> {
        None
    }
}
