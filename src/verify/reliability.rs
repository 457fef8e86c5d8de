//! Whether a confidence can be believed: of the answers that claimed 0.8, were eight in ten good? Counts only.

use serde::{Deserialize, Serialize};

/// Bins of equal width over [0, 1].
const BINS: usize = 10;

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bin {
    count: u64,
    confidence_sum: f64,
    good: u64,
}

/// Confidences against outcomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reliability {
    bins: [Bin; BINS],
}

/// One bin that holds something, for an interface.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityRow {
    /// Confidences in [from, to); the last bin holds 1 too.
    pub from: f64,
    pub to: f64,
    pub count: u64,
    pub mean_confidence: f64,
    pub good_share: f64,
}

impl Reliability {
    /// Counts one answer of `confidence`, cut to [0, 1]; what is no number counts as 0.
    pub fn observe(&mut self, confidence: f64, good: bool) {
        let confidence = if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10")]
        let at = ((confidence * 10.0) as usize).min(BINS - 1);
        if let Some(bin) = self.bins.get_mut(at) {
            bin.count = bin.count.saturating_add(1);
            bin.confidence_sum += confidence;
            bin.good = bin.good.saturating_add(u64::from(good));
        }
    }

    /// The mean distance between claim and outcome over all answers (Naeini et al. 2015), in [0, 1]; `None` of none.
    #[must_use]
    pub fn expected_calibration_error(&self) -> Option<f64> {
        let all: u64 = self.bins.iter().map(|bin| bin.count).sum();
        let gaps: f64 = self.bins.iter().map(|bin| (bin.confidence_sum - float(bin.good)).abs()).sum();
        (all > 0).then(|| gaps / float(all))
    }

    /// The bins that hold something, least confident first.
    pub fn rows(&self) -> impl Iterator<Item = ReliabilityRow> {
        let edges = (0_u8..).map(|at| f64::from(at) / 10.0);
        self.bins.iter().zip(edges).filter(|(bin, _)| bin.count > 0).map(|(bin, from)| ReliabilityRow {
            from,
            to: from + 0.1,
            count: bin.count,
            mean_confidence: bin.confidence_sum / float(bin.count),
            good_share: float(bin.good) / float(bin.count),
        })
    }
}

fn float(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of answers")]
    let float = count as f64;
    float
}
