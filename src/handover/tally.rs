//! Counts of outcomes, and the confidence bounds that follow from them. The capital of fixed bets against any mean
//! depends on these counts alone, so one tally answers for every mean.

use crate::betting::mix5_gains;
use crate::log_mean_exp;

/// Outcomes as whole percents, rounded down, which can only delay a promotion: percent and count, by percent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally(Vec<(u8, u32)>);

/// The whole percent at or below `quality`; anything outside [0, 1] is cut, what is no number is 0.
#[must_use]
pub fn percent(quality: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100")]
    let percent = (quality.clamp(0.0, 1.0) * 100.0 + 1e-9).floor() as u8;
    percent
}

impl Tally {
    /// Adds one outcome.
    pub fn add(&mut self, percent: u8) {
        match self.0.binary_search_by_key(&percent, |(percent, _)| *percent) {
            Ok(at) => {
                if let Some((_, count)) = self.0.get_mut(at) {
                    *count = count.saturating_add(1);
                }
            }
            Err(at) => self.0.insert(at, (percent, 1)),
        }
    }

    /// Percents with how often they came, in any order.
    pub(crate) fn of(counts: impl Iterator<Item = (u8, u32)>) -> Self {
        let mut all = std::collections::BTreeMap::new();
        counts.for_each(|(percent, count)| *all.entry(percent).or_insert(0u32) += count);
        Self(all.into_iter().collect())
    }

    /// Outcomes counted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Mean in [0, 1]; `None` of nothing.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "audit counts stay far below 2^52")]
        let mean = self.seen().map(|(quality, count)| quality * count).sum::<f64>() / self.len() as f64;
        (!self.is_empty()).then_some(mean)
    }

    /// log of the five gamblers' capital against "the mean is at most `q0`", `q0` in (0, 1).
    #[must_use]
    pub fn log_capital(&self, q0: f64) -> f64 {
        let mut logs = [0.0; 5];
        for (quality, count) in self.seen() {
            logs.iter_mut().zip(mix5_gains(quality, q0)).for_each(|(log, gain)| *log += count * gain);
        }
        log_mean_exp(&logs)
    }

    /// The largest mean that the outcomes reject from below at level `alpha`. The capital falls with q0, so
    /// bisection finds it.
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

    /// Lower and upper confidence bound for display: the hedged capital `max(K+ / 2, K- / 2)` of two gamblers, one on
    /// more and one on less, stays below 1/alpha for the true mean for all time with probability 1 - alpha
    /// (Waudby-Smith & Ramdas 2024, theorem 3, with the mixture in place of the plug-in bets).
    #[must_use]
    pub fn interval(&self, alpha: f64) -> (f64, f64) {
        let less = Self(self.0.iter().rev().map(|(percent, count)| (100 - percent, *count)).collect());
        (self.lower_bound(alpha / 2.0), 1.0 - less.lower_bound(alpha / 2.0))
    }

    fn seen(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.0.iter().map(|(percent, count)| (f64::from(*percent) / 100.0, f64::from(*count)))
    }
}
