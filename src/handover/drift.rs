//! Test 3: has the student fallen off? A Shiryaev-Roberts e-detector over audited qualities.
//!
//! Per bet `S <- (S + 1)(1 + lambda (q1 - x))`; the alarm is the mean of five reaching A. While the true
//! mean stays >= q1 the expected number of audits before an alarm is at least A (Shin, Ramdas & Rinaldo,
//! "E-detectors", 2023). Kept in logarithms: healthy streaks underflow otherwise.

use serde::{Deserialize, Serialize};

use crate::log_mean_exp;

/// Fractions of the largest admissible bet `1/(1 - q1)`; for q1 = 0.9 these are bets 0.5, 1, 2, 4 and 7.
const BETS: [f64; 5] = [0.05, 0.10, 0.20, 0.40, 0.70];

/// ln of `(S + 1)(1 + gain)`, of ln S.
pub(crate) fn next(log_s: f64, gain: f64) -> f64 {
    // log(S + 1): ln_1p(exp(s)) for small s, s + ln_1p(exp(-s)) for large.
    log_s.max(0.0) + (-log_s.abs()).exp().ln_1p() + gain.ln_1p()
}

/// The detector's statistic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// ln S of each bet; `None` before the first audit, where S is 0.
    log_s: Option<[f64; 5]>,
}

impl Drift {
    /// Adds one audited quality in [0, 1] against the floor `q1`.
    pub fn observe(&mut self, quality: f64, q1: f64) {
        for (log_s, bet) in self.log_s.get_or_insert([f64::NEG_INFINITY; 5]).iter_mut().zip(BETS) {
            *log_s = next(*log_s, bet / (1.0 - q1) * (q1 - quality.clamp(0.0, 1.0)));
        }
    }

    /// log of the mean statistic; an alarm is due at `ln(A)`.
    #[must_use]
    pub fn log_statistic(&self) -> f64 {
        self.log_s.map_or(f64::NEG_INFINITY, |log_s| log_mean_exp(&log_s))
    }
}
