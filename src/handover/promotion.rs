//! Test 1: is the student good enough? A betting e-process that may be looked at after every audit.
//!
//! H0: every audited answer has expected quality <= q0. For bets `g` the capital
//! `prod(1 + g/q0 (x_i - q0))` is a non-negative supermartingale under H0, and so is the mean of five of
//! them; by Ville's inequality it ever reaches 1/alpha with probability <= alpha (Waudby-Smith & Ramdas,
//! "Estimating means of bounded random variables by betting", 2024).

use serde::{Deserialize, Serialize};

use crate::log_mean_exp;

/// Fractions of the largest admissible bet.
const BETS: [f64; 5] = [0.10, 0.25, 0.50, 0.75, 0.90];
/// Qualities are kept as whole percents, rounded down, which can only delay a promotion.
const LEVELS: usize = 101;

/// The audited qualities of one candidate. The capital against any q0 depends on their counts alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promotion {
    counts: Vec<u32>,
}

impl Default for Promotion {
    fn default() -> Self {
        Self { counts: vec![0; LEVELS] }
    }
}

impl Promotion {
    /// Adds one audited quality in [0, 1]; anything else counts as 0.
    pub fn observe(&mut self, quality: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100")]
        let percent = (quality.clamp(0.0, 1.0) * 100.0 + 1e-9).floor() as usize;
        if let Some(count) = self.counts.get_mut(percent) {
            *count += 1;
        }
    }

    /// Audits seen.
    #[must_use]
    pub fn audits(&self) -> u64 {
        self.counts.iter().copied().map(u64::from).sum()
    }

    /// Mean quality; `None` before the first audit.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let audits = self.audits();
        #[expect(clippy::cast_precision_loss, reason = "audit counts stay far below 2^52")]
        let mean = self.seen().map(|(quality, count)| quality * count).sum::<f64>() / audits as f64;
        (audits > 0).then_some(mean)
    }

    /// log of the mixture capital against `q0` in (0, 1).
    #[must_use]
    pub fn log_capital(&self, q0: f64) -> f64 {
        let capital = BETS.map(|bet| {
            let lambda = bet / q0;
            self.seen().map(|(quality, count)| count * (lambda * (quality - q0)).ln_1p()).sum()
        });
        log_mean_exp(&capital)
    }

    /// The largest quality that the evidence rejects from below at level `alpha`: promotion against `q0`
    /// is due exactly when this reaches `q0`. The capital falls with q0, so bisection finds it.
    #[must_use]
    pub fn lower_bound(&self, alpha: f64) -> f64 {
        let needed = -alpha.ln();
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            if self.log_capital(middle) >= needed { low = middle } else { high = middle }
        }
        low
    }

    fn seen(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let levels = self.counts.iter().zip(0u32..).filter(|(count, _)| **count > 0);
        levels.map(|(count, percent)| (f64::from(percent) / 100.0, f64::from(*count)))
    }
}
