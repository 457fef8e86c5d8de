//! Betting against a mean: the capital of a gambler who bets that bounded outcomes are better than `q0`.
//!
//! H0: every outcome in [0, 1] has expected value <= q0, whatever came before. `prod(1 + l_i (x_i - q0))` with bets `l_i`
//! chosen before `x_i` is a non-negative supermartingale under H0, so it ever reaches 1/alpha with probability <= alpha
//! (Ville 1939; Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", 2024).
//! Logarithms throughout.

use serde::{Deserialize, Serialize};

use crate::log_mean_exp;

/// How the bets are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Betting {
    /// The mean of five gamblers with fixed bets: best 90 % quantile of the stopping time of the three.
    #[default]
    Mix5,
    /// Approximately growth rate adaptive: the bet that would have been best so far, at most 3/4 of the largest.
    Agrapa,
    /// Predictable plug-in empirical Bernstein: bets shrink as evidence accumulates, at most 1/2 of the largest.
    PrplEb,
}

/// Fractions of the largest admissible bet `1/q0` of the five gamblers.
pub const MIX5: [f64; 5] = [0.10, 0.25, 0.50, 0.75, 0.90];

/// What each of the five gains, in logarithm, from one outcome `x` in [0, 1].
#[must_use]
pub fn mix5_gains(x: f64, q0: f64) -> [f64; 5] {
    MIX5.map(|bet| (bet / q0 * (x - q0)).ln_1p())
}

/// The same from an outcome `x` that was audited with probability `p >= p_min`, whatever `p` depended on before `x` was
/// known: a request that was not audited gains nothing, one that was counts `1/p` times (science: inverse weights).
/// With `p_min = 1` this is [`mix5_gains`].
#[must_use]
pub fn weighted_gains(x: f64, q0: f64, p: f64, p_min: f64) -> [f64; 5] {
    MIX5.map(|bet| (bet * p_min / q0 * (x - q0) / p).ln_1p())
}

/// log of the mean capital of five.
#[must_use]
pub fn mix5_capital(logs: &[f64; 5]) -> f64 {
    log_mean_exp(logs)
}

/// A gambler whose next bet depends on what was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gambler {
    seen: f64,
    sum: f64,
    /// Sum of squared distances from the mean estimated at the time.
    spread: f64,
    log_capital: f64,
}

impl Gambler {
    /// Bets against `q0` at level `alpha`, then sees `x`.
    pub fn observe(&mut self, betting: Betting, x: f64, q0: f64, alpha: f64) {
        // Regularised by one half success in one and a variance of one quarter (the paper's equation 24).
        let mean = (0.5 + self.sum) / (self.seen + 1.0);
        let variance = (0.25 + self.spread) / (self.seen + 1.0);
        let time = self.seen + 1.0;
        let bet = match betting {
            // Never asked: the five have sums of their own.
            Betting::Mix5 => 0.5 / q0,
            Betting::Agrapa => ((mean - q0) / (variance + (mean - q0).powi(2))).clamp(0.0, 0.75 / q0),
            Betting::PrplEb => (2.0 * (1.0 / alpha).ln() / (variance * time * time.ln_1p())).sqrt().min(0.5 / q0),
        };
        self.log_capital += (bet * (x - q0)).ln_1p();
        self.seen += 1.0;
        self.sum += x;
        self.spread += (x - (0.5 + self.sum) / (self.seen + 1.0)).powi(2);
    }

    #[must_use]
    pub fn log_capital(&self) -> f64 {
        self.log_capital
    }
}
