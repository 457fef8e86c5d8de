//! Above which confidence may the student answer, and is what clients would get then good enough?
//!
//! The confidences of a version's exam are a grid of thresholds, fixed before the first audit and ordered from strict
//! to loose. Two claims are tested for each threshold, both for all time:
//!
//! - *risk*: P(served and bad) < `risk_alpha` over all requests. The risk grows from strict to loose, so the first
//!   threshold that is not proven ends the walk and no correction for many is due (Learn-then-Test, Angelopoulos et
//!   al. 2021, made anytime).
//! - *quality*: the mean quality of the *served* answers exceeds the policy's. It need not fall from strict to loose, so
//!   the walk may begin at several fixed starts, each with a share of the error budget, and from a start goes on
//!   only past thresholds that are proven (fixed-sequence testing): a false claim needs the first true null of a
//!   walk to be rejected, which has at most the walk's share as probability.
//!
//! What is proven stays proven.

use serde::{Deserialize, Serialize};

use crate::betting::{Betting, Gambler, mix5_capital, mix5_gains};
use crate::cells::Cells;
use crate::log_sum_exp;
use crate::tally::{self, Tally};

/// Shares of the money and fractions of the largest admissible bet `1/(1 - alpha)` against the risk. Fraction f is the
/// best against a risk of `1 - f` of the bound (Kelly 1956: it solves `(1 - r) alpha / (1 + l alpha) = r (1 - alpha) / (1 -
/// l (1 - alpha))`): four evenly spread, as nothing is known of the risk, and a little for one that lies just below the
/// bound, which only very many audits tell apart; it delays the others by `ln(1 / 0.95)`.
pub(crate) const RISK_BETS: [(f64, f64); 5] =
    [(0.05, 0.10), (0.2375, 0.20), (0.2375, 0.40), (0.2375, 0.60), (0.2375, 0.80)];
/// Share of the quality's error budget for the start that the exam suggests; the rest is spread evenly over four.
const LIKELY_SHARE: f64 = 0.80;
const LADDER: usize = 4;
/// Most thresholds of a gate: qualities are kept by level, and a level and "no level" fit a byte.
pub const LEVELS_MAX: usize = 255;

/// What is asked of a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claims {
    /// Mean quality of the served answers that must be exceeded, in (0, 1).
    pub quality: f64,
    /// Lifetime probability of a false claim about quality.
    pub quality_alpha: f64,
    /// Share of bad answers that must not be reached, in (0, 1): of all requests, or of those served.
    pub risk: f64,
    /// Lifetime probability of a false claim about risk.
    pub risk_delta: f64,
    /// Opt-in: the risk is of the answers served, not of all requests.
    pub selective: bool,
    pub betting: Betting,
}

/// One audited request as the gate sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The student's confidence in [0, 1]; `None` where it gave no answer that could be served.
    pub confidence: Option<f64>,
    /// In [0, 1].
    pub quality: f64,
    pub bad: bool,
}

/// Evidence for every threshold of one version's grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Strict to loose.
    levels: Vec<Level>,
    starts: Vec<Start>,
    audits: u64,
    /// Qualities of every answer, by its level; of one that no threshold serves, as if there were one level more. Shown,
    /// never required.
    qualities: Cells,
    /// One for each level when the bets are not the default's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gamblers: Vec<Gambler>,
}

/// What lies between this threshold and the next stricter one, and what is proven of the threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Level {
    tau: f64,
    /// Answers, and the bad ones of these.
    served: u32,
    bad: u32,
    /// Gains of the five gamblers from the qualities of these answers.
    gains: [f64; 5],
    /// Largest log capital so far against each null of the threshold.
    quality_peak: f64,
    risk_peak: f64,
}

/// Where a walk begins, and its share of the error budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Start {
    level: usize,
    share: f64,
}

impl Gate {
    /// A gate over `grid`, in any order; duplicates and values outside [0, 1] are dropped, and so are the loosest of more
    /// than [`LEVELS_MAX`]. `likely` is the threshold that the exam suggests.
    #[must_use]
    pub fn new(grid: &[f64], likely: Option<f64>) -> Self {
        let mut taus: Vec<f64> = grid.iter().copied().filter(|tau| (0.0..=1.0).contains(tau)).collect();
        taus.sort_by(|left, right| right.total_cmp(left));
        taus.dedup();
        taus.truncate(LEVELS_MAX);
        let likely = likely.and_then(|likely| taus.iter().rposition(|tau| *tau >= likely));
        let starts = starts(taus.len(), likely);
        let level = |tau| Level { tau, served: 0, bad: 0, gains: [0.0; 5], quality_peak: 0.0, risk_peak: 0.0 };
        let levels: Vec<Level> = taus.into_iter().map(level).collect();
        Self { levels, starts, audits: 0, qualities: Cells::default(), gamblers: Vec::new() }
    }

    /// Adds one audited request.
    pub fn observe(&mut self, seen: Seen, claims: &Claims) {
        self.audits += 1;
        let percent = tally::percent(seen.quality);
        let quality = f64::from(percent) / 100.0;
        let at = seen.confidence.map(|confidence| self.levels.partition_point(|level| level.tau > confidence));
        self.qualities.add(at.unwrap_or(self.levels.len()), percent);
        if let Some(level) = at.and_then(|at| self.levels.get_mut(at)) {
            level.served += 1;
            level.bad += u32::from(seen.bad);
            let gains = mix5_gains(quality, claims.quality);
            level.gains.iter_mut().zip(gains).for_each(|(sum, gain)| *sum += gain);
        }
        if claims.betting != Betting::Mix5 {
            self.gamblers.resize_with(self.levels.len(), Gambler::default);
            let share = self.starts.iter().map(|start| start.share).fold(0.0, f64::max);
            for gambler in self.gamblers.iter_mut().skip(at.unwrap_or(usize::MAX)) {
                gambler.observe(claims.betting, quality, claims.quality, claims.quality_alpha * share);
            }
        }
        self.update_peaks(claims);
    }

    fn update_peaks(&mut self, claims: &Claims) {
        let (mut gains, mut bad, mut served) = ([0.0; 5], 0u64, 0u64);
        let risk = risk_gains(claims.risk);
        for (at, level) in self.levels.iter_mut().enumerate() {
            gains.iter_mut().zip(level.gains).for_each(|(sum, gain)| *sum += gain);
            bad += u64::from(level.bad);
            served += u64::from(level.served);
            let quality = self.gamblers.get(at).map_or_else(|| mix5_capital(&gains), Gambler::log_capital);
            level.quality_peak = level.quality_peak.max(quality);
            let of = if claims.selective { served } else { self.audits };
            level.risk_peak = level.risk_peak.max(risk_capital(&risk, of, bad));
        }
    }

    /// The loosest threshold for which both claims are proven.
    #[must_use]
    pub fn proven(&self, claims: &Claims) -> Option<Proven> {
        let at = (0..self.levels.len()).rev().find(|at| self.has_risk(*at, claims) && self.has_quality(*at, claims))?;
        Some(Proven { level: at, tau: self.levels.get(at)?.tau, coverage: self.coverage(at) })
    }

    fn has_risk(&self, at: usize, claims: &Claims) -> bool {
        let proven = |level: &Level, share: f64| level.risk_peak >= -(claims.risk_delta * share).ln();
        if claims.selective {
            return self.reached(at, proven);
        }
        self.levels.iter().take(at + 1).all(|level| proven(level, 1.0))
    }

    fn has_quality(&self, at: usize, claims: &Claims) -> bool {
        self.reached(at, |level, share| level.quality_peak >= -(claims.quality_alpha * share).ln())
    }

    /// Whether a walk from one of the starts has come as far as `at`.
    fn reached(&self, at: usize, proven: impl Fn(&Level, f64) -> bool) -> bool {
        self.starts.iter().filter(|start| start.level <= at).any(|start| {
            let walked = self.levels.get(start.level..=at).unwrap_or_default();
            walked.iter().all(|level| proven(level, start.share))
        })
    }

    /// Share of the audited requests that `level` would serve.
    #[must_use]
    pub fn coverage(&self, level: usize) -> f64 {
        let served: u64 = self.levels.iter().take(level + 1).map(|level| u64::from(level.served)).sum();
        #[expect(clippy::cast_precision_loss, reason = "audit counts stay far below 2^52")]
        let coverage = served as f64 / self.audits.max(1) as f64;
        coverage
    }

    /// Qualities of the answers that `level` would serve.
    #[must_use]
    pub fn served(&self, level: usize) -> Tally {
        self.qualities.up_to(level.min(self.levels.len().saturating_sub(1)))
    }

    /// The threshold to speak of: the proven one, or before there is one, the start nearest to being proven with its
    /// share of the budget.
    #[must_use]
    pub fn shown(&self, claims: &Claims) -> Option<(usize, f64)> {
        if let Some(proven) = self.proven(claims) {
            let shares = self.starts.iter().filter(|start| start.level <= proven.level).map(|start| start.share);
            return Some((proven.level, shares.fold(0.0, f64::max)));
        }
        let missing = |start: &&Start| {
            let peak = self.levels.get(start.level).map_or(0.0, |level| level.quality_peak);
            -(claims.quality_alpha * start.share).ln() - peak
        };
        let nearest = self.starts.iter().min_by(|left, right| missing(left).total_cmp(&missing(right)))?;
        Some((nearest.level, nearest.share))
    }

    /// Evidence for the quality of the answers that `level` would serve: log capital and what it must reach.
    #[must_use]
    pub fn quality_evidence(&self, level: usize, share: f64, claims: &Claims) -> (f64, f64) {
        let peak = self.levels.get(level).map_or(0.0, |level| level.quality_peak);
        (peak, -(claims.quality_alpha * share).ln())
    }

    /// Whether the strictest threshold's risk is proven yet.
    #[must_use]
    pub fn has_any_risk(&self, claims: &Claims) -> bool {
        (0..self.levels.len()).any(|at| self.has_risk(at, claims))
    }

    /// The threshold of a level.
    #[must_use]
    pub fn tau(&self, level: usize) -> Option<f64> {
        self.levels.get(level).map(|level| level.tau)
    }

    /// Audited requests.
    #[must_use]
    pub fn audits(&self) -> u64 {
        self.audits
    }

    /// Qualities of every answer, served or not.
    #[must_use]
    pub fn raw(&self) -> Tally {
        self.qualities.up_to(self.levels.len())
    }

    /// Bytes that it holds, for who counts the memory of many sites.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.levels.capacity() * size_of::<Level>()
            + self.starts.capacity() * size_of::<Start>()
            + self.gamblers.capacity() * size_of::<Gambler>()
            + self.qualities.bytes()
    }
}

/// A threshold for which everything is proven.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proven {
    pub level: usize,
    pub tau: f64,
    /// Share of the audited requests that it would serve.
    pub coverage: f64,
}

/// The suggested start and a ladder of even steps to the loosest threshold. Shares of one level are summed.
fn starts(levels: usize, likely: Option<usize>) -> Vec<Start> {
    let Some(last) = levels.checked_sub(1) else { return Vec::new() };
    #[expect(clippy::cast_precision_loss, reason = "four")]
    let each = likely.map_or(1.0, |_| 1.0 - LIKELY_SHARE) / LADDER as f64;
    let rung = |step: usize| (levels * step).div_ceil(LADDER).saturating_sub(1).min(last);
    let ladder = (1..=LADDER).map(|step| (rung(step), each));
    let mut starts: Vec<Start> = Vec::new();
    for (level, share) in ladder.chain(likely.map(|likely| (likely, LIKELY_SHARE))) {
        match starts.iter_mut().find(|start| start.level == level) {
            Some(start) => start.share += share,
            None => starts.push(Start { level, share }),
        }
    }
    starts
}

/// Of each gambler against "the risk is at least `alpha`": log of the money it begins with, and what it gains, in
/// logarithm, from a request that was not served bad and from one that was.
fn risk_gains(alpha: f64) -> [[f64; 3]; 5] {
    RISK_BETS.map(|(money, bet)| {
        let lambda = bet / (1.0 - alpha);
        [money.ln(), (lambda * alpha).ln_1p(), (lambda * (alpha - 1.0)).ln_1p()]
    })
}

/// log of the capital of all of them when `bad` of `of` were served and bad.
fn risk_capital(gains: &[[f64; 3]; 5], of: u64, bad: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "audit counts stay far below 2^52")]
    let (good, bad) = (of.saturating_sub(bad) as f64, bad as f64);
    log_sum_exp(&gains.map(|[money, gain, loss]| money + good * gain + bad * loss))
}
