//! Test 2: above which confidence may the student answer? Controls the joint risk
//! P(served locally and bad) <= alpha for all time with probability 1 - delta.
//!
//! For each threshold of a grid fixed before the first audit, a betting e-process against
//! H0: risk >= alpha. The risk falls as the threshold rises, so walking from strict to loose and stopping
//! at the first threshold not yet proven needs no correction for many thresholds (Learn-then-Test,
//! Angelopoulos et al. 2021, made anytime).

use serde::{Deserialize, Serialize};

use crate::log_mean_exp;

/// Fractions of the largest admissible bet `1/(1 - alpha)`.
const BETS: [f64; 4] = [0.15, 0.35, 0.60, 0.80];

/// Evidence for every threshold of one candidate's grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskGate {
    /// Strict to loose.
    grid: Vec<Level>,
    audits: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Level {
    tau: f64,
    served: u64,
    served_bad: u64,
    proven: bool,
}

impl RiskGate {
    /// A gate over `grid`, in any order; duplicates and values outside [0, 1] are dropped.
    #[must_use]
    pub fn new(grid: &[f64]) -> Self {
        let mut taus: Vec<f64> = grid.iter().copied().filter(|tau| (0.0..=1.0).contains(tau)).collect();
        taus.sort_by(|left, right| right.total_cmp(left));
        taus.dedup();
        let level = |tau| Level { tau, served: 0, served_bad: 0, proven: false };
        Self { grid: taus.into_iter().map(level).collect(), audits: 0 }
    }

    /// Adds one audit: the student's confidence, whether its answer could have been served at all
    /// (verifiers passed) and whether it was bad. A level, once proven, stays proven.
    pub fn observe(&mut self, confidence: f64, servable: bool, bad: bool, alpha: f64, delta: f64) {
        self.audits += 1;
        let needed = -delta.ln();
        for level in &mut self.grid {
            let served = servable && confidence >= level.tau;
            level.served += u64::from(served);
            level.served_bad += u64::from(served && bad);
            level.proven |= log_capital(self.audits, level.served_bad, alpha) >= needed;
        }
    }

    /// The loosest threshold such that it and every stricter one are proven.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.proven().last().map(|level| level.tau)
    }

    /// Share of audited requests that the active threshold would serve.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "audit counts stay far below 2^52")]
        self.proven().last().map_or(0.0, |level| level.served as f64 / self.audits.max(1) as f64)
    }

    fn proven(&self) -> impl Iterator<Item = &Level> {
        self.grid.iter().take_while(|level| level.proven)
    }
}

/// log of the mixture capital against "risk >= alpha" after `audits` with `bad` of them served and bad.
fn log_capital(audits: u64, bad: u64, alpha: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "audit counts stay far below 2^52")]
    let (good, bad) = (audits.saturating_sub(bad) as f64, bad as f64);
    let capital = BETS.map(|bet| {
        let lambda = bet / (1.0 - alpha);
        good * (lambda * alpha).ln_1p() + bad * (lambda * (alpha - 1.0)).ln_1p()
    });
    log_mean_exp(&capital)
}
