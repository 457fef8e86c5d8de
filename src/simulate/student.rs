//! A made-up student: right with some probability, its confidence drawn from one of two normal distributions (binormal),
//! so that everything true of a threshold is known. No machine here.

use rand_chacha::ChaCha8Rng;

use crate::chance;
use crate::driven::{Answer, Grid};
use crate::summary::size;

/// Thresholds of a grid, prompts of an exam, and how far an exam must come beyond what is asked: those of the product.
const GRID: usize = 40;
const EXAM: usize = 200;
const LIKELY_MARGIN: f64 = 0.25;

/// Scores of right answers are N(distance, 1), of wrong ones N(0, 1); the confidence is the probability of being right
/// that follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Student {
    accuracy: f64,
    distance: f64,
}

impl Student {
    /// The area under the ROC curve is Phi(distance / sqrt 2).
    pub(crate) fn new(accuracy: f64, auroc: f64) -> Self {
        Self { accuracy, distance: std::f64::consts::SQRT_2 * normal_quantile(auroc) }
    }

    pub(crate) fn answer(&self, rng: &mut ChaCha8Rng) -> Answer {
        let good = chance::coin(rng, self.accuracy);
        let score = chance::normal(rng) + if good { self.distance } else { 0.0 };
        let odds = self.accuracy / (1.0 - self.accuracy) * (self.distance * (score - self.distance / 2.0)).exp();
        Answer { quality: chance::quality(good), bad: !good, confidence: 1.0 - 1.0 / (1.0 + odds) }
    }

    /// Share of all requests that `tau` serves, and of those served and wrong.
    pub(crate) fn at(&self, tau: f64) -> Served {
        let odds = tau / (1.0 - tau) * (1.0 - self.accuracy) / self.accuracy;
        let score = odds.ln() / self.distance + self.distance / 2.0;
        let right = self.accuracy * above(score - self.distance);
        let wrong = (1.0 - self.accuracy) * above(score);
        Served { coverage: right + wrong, wrong }
    }

    /// The most that a threshold can serve at which `holds` is true; 0 where none can.
    pub(crate) fn oracle(&self, holds: impl Fn(Served) -> bool) -> f64 {
        let taus = (0u16..=4_000).map(|step| f64::from(step) / 4_000.0);
        taus.map(|tau| self.at(tau)).filter(|served| holds(*served)).map(|served| served.coverage).fold(0.0, f64::max)
    }

    /// What an exam of 200 prompts makes of it: the grid and the threshold that it suggests.
    pub(crate) fn exam(&self, rng: &mut ChaCha8Rng, quality_min: f64) -> Grid {
        let answers: Vec<(f64, f64)> = (0..EXAM)
            .map(|_| {
                let answer = self.answer(rng);
                (answer.confidence, answer.quality)
            })
            .collect();
        exam_grid(answers, quality_min)
    }
}

/// What a threshold does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Served {
    pub(crate) coverage: f64,
    pub(crate) wrong: f64,
}

impl Served {
    /// Mean quality of what is served.
    pub(crate) fn quality(&self) -> f64 {
        1.0 - self.wrong / self.coverage.max(f64::MIN_POSITIVE)
    }
}

/// The grid of an exam's (confidence, quality) and the threshold that it suggests, by the product's rule: quantiles and
/// 0; the loosest above which the answers were clearly better than `quality_min`, the strictest where there is none.
pub(crate) fn exam_grid(mut answers: Vec<(f64, f64)>, quality_min: f64) -> Grid {
    answers.sort_by(|left, right| left.0.total_cmp(&right.0));
    let quantile = |step: usize| answers.get(step * answers.len() / GRID).map(|answer| answer.0);
    let mut taus: Vec<f64> = (1..GRID).filter_map(quantile).collect();
    taus.push(0.0);
    taus.dedup();
    let wanted = quality_min + (1.0 - quality_min) * LIKELY_MARGIN;
    let good = |tau: &f64| {
        let served: Vec<f64> = answers.iter().filter(|answer| answer.0 >= *tau).map(|answer| answer.1).collect();
        !served.is_empty() && served.iter().sum::<f64>() / size(served.len()) >= wanted
    };
    let likely = taus.iter().copied().filter(good).reduce(f64::min);
    let likely = likely.or_else(|| taus.iter().copied().reduce(f64::max));
    Grid { taus, likely }
}

/// P(N(0, 1) >= x), to 1.2e-7 (Numerical Recipes' Chebyshev fit of erfc).
fn above(x: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    if x == f64::NEG_INFINITY {
        return 1.0;
    }
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * z);
    let fit = FIT.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let tail = t * (-z * z + fit).exp() / 2.0;
    if x >= 0.0 { tail } else { 1.0 - tail }
}

/// The x below which a standard normal number lies with this probability.
fn normal_quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if 1.0 - above(middle) < probability { low = middle } else { high = middle }
    }
    low
}
