//! The figures that practice ends with; the keys are a contract.

use serde::Serialize;

/// The last line of `practice --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub seconds: f64,
    /// With `--unnamed`: how far the call sites that the proxy found agree with the true ones, by the adjusted Rand index
    /// over the newest requests since the last one was found; 1 is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<f64>,
    pub sites: Vec<SiteReport>,
}

/// One site's figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SiteReport {
    pub site: String,
    /// With `--unnamed`: what the proxy calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_as: Option<String>,
    pub state: String,
    /// Every state that was seen.
    pub states: Vec<String>,
    /// What its answers are measured by; `None` until it was chosen.
    pub measure: Option<String>,
    pub requests: u64,
    pub failed: u64,
    /// Requests answered locally, of all.
    pub local: u64,
    /// Of the version on trial or serving, and of all versions.
    pub audits: u64,
    pub audits_all: u64,
    pub lower_bound: f64,
    pub threshold: f64,
    /// Share of the requests since the hand-over that were answered locally.
    pub local_share: Option<f64>,
    /// Share of the locally served answers to facts never asked about before that equal the truth.
    pub local_accuracy: Option<f64>,
    pub seconds_to_handover: Option<f64>,
    pub teacher_calls_saved: u64,
    /// With `--drift`: requests from the change until the teacher had the site back, and seconds until
    /// the site was handed over again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_to_rollback: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_to_return: Option<f64>,
}

/// `part` of `whole`; `None` of nothing.
#[must_use]
pub fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "request counts")]
    let share = part as f64 / whole as f64;
    (whole > 0).then_some((share * 1e4).round() / 1e4)
}
