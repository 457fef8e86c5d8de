//! A confidence that means a probability: how often answers with such signals were good, learnt from audits.
//!
//! L2-regularised logistic regression over standardised signals (science 2.6), fitted by Newton's method. Deterministic
//! and always ends. A fitted model is another meaning of confidence: it is versioned with the trial and needs evidence
//! of its own. Must not read audits or decide when to fit.

use serde::{Deserialize, Serialize};
use wire::Signals;

/// Names the meaning of a fitted confidence; the numbers go with it.
pub const CALIBRATED_MODEL: &str = "logistic-1";

/// Pairs that a fit needs, and of each outcome.
const PAIRS_MIN: usize = 100;
const EACH_MIN: usize = 10;
/// Weight of the penalty `RIDGE / 2 * |w|^2` on the weights of the standardised features; the bias is free.
const RIDGE: f64 = 1.0;
/// Newton steps, and halvings of one, at most.
const STEPS_MAX: usize = 50;
const HALVINGS_MAX: usize = 30;
/// The longest step that still counts as having arrived.
const ARRIVED: f64 = 1e-10;
/// What a log-probability without a bottom is cut to, nats.
const LOGPROB_MIN: f32 = -30.0;

const FEATURES: usize = 7;
/// The weights of the features, then the bias.
const SIZE: usize = FEATURES + 1;

type Vector = [f64; SIZE];
type Matrix = [Vector; SIZE];

/// The signals of one answer as finite numbers: least-bad where a signal is none. Mean, least and 10 % log-probability,
/// entropy, margin, share of unsure tokens, tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features([f32; FEATURES]);

impl Features {
    /// What is no number counts as the worst.
    #[must_use]
    pub fn of(signals: &Signals) -> Self {
        let within = |value: f32, low: f32, high: f32, worst: f32| {
            if value.is_nan() { worst } else { value.clamp(low, high) }
        };
        let logprob = |value| within(value, LOGPROB_MIN, 0.0, LOGPROB_MIN);
        #[expect(clippy::cast_precision_loss, reason = "tokens of one answer")]
        let tokens = signals.tokens.max(1) as f32;
        Self([
            logprob(signals.mean_logprob),
            logprob(signals.min_logprob),
            logprob(signals.q10_logprob),
            within(signals.mean_entropy, 0.0, -LOGPROB_MIN, -LOGPROB_MIN),
            within(signals.mean_margin, 0.0, 1.0, 0.0),
            within(signals.low_share, 0.0, 1.0, 1.0),
            tokens,
        ])
    }

    /// As [`confidence`](crate::confidence::confidence), to the last bit that the features keep.
    #[must_use]
    pub fn least_sure_token(&self) -> f64 {
        let [_, min_logprob, ..] = self.0;
        f64::from(min_logprob).exp()
    }

    fn numbers(&self) -> [f64; FEATURES] {
        let mut numbers = self.0.map(f64::from);
        if let Some(tokens) = numbers.last_mut() {
            *tokens = tokens.ln();
        }
        numbers
    }
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    features: [Feature; FEATURES],
    bias: f64,
    /// Pairs it was fitted on, and how many of them were good.
    pub pairs: usize,
    pub good: usize,
}

/// One signal: how it is standardised, and its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Feature {
    mean: f64,
    /// Standard deviation of the pairs; 1 where all were equal.
    scale: f64,
    /// Range of the pairs: signals beyond it say no more than its ends, so a weight never runs away.
    low: f64,
    high: f64,
    weight: f64,
}

impl Feature {
    fn of(column: &[f64]) -> Self {
        let count = float(column.len());
        let mean = column.iter().sum::<f64>() / count;
        let variance = column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        let scale = if variance > 1e-12 { variance.sqrt() } else { 1.0 };
        let low = column.iter().copied().fold(f64::INFINITY, f64::min);
        let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { mean, scale, low, high, weight: 0.0 }
    }

    fn standard(&self, value: f64) -> f64 {
        (value.max(self.low).min(self.high) - self.mean) / self.scale
    }
}

impl Calibration {
    /// Fits (features, whether the answer was good). `None` below 100 pairs or 10 of either outcome.
    #[must_use]
    pub fn fit(pairs: &[(Features, bool)]) -> Option<Self> {
        let good = pairs.iter().filter(|(_, good)| *good).count();
        if pairs.len() < PAIRS_MIN || good < EACH_MIN || pairs.len() - good < EACH_MIN {
            return None;
        }
        let raw: Vec<[f64; FEATURES]> = pairs.iter().map(|(features, _)| features.numbers()).collect();
        let mut learnt = [Feature::default(); FEATURES];
        for (at, feature) in learnt.iter_mut().enumerate() {
            let column: Vec<f64> = raw.iter().filter_map(|row| row.get(at).copied()).collect();
            *feature = Feature::of(&column);
        }
        let rows: Vec<(Vector, f64)> = raw
            .iter()
            .zip(pairs)
            .map(|(row, (_, good))| (standardised(&learnt, row), f64::from(u8::from(*good))))
            .collect();
        let weights = newton(&rows);
        for (feature, weight) in learnt.iter_mut().zip(weights) {
            feature.weight = weight;
        }
        let bias = weights.last().copied().unwrap_or_default();
        Some(Self { features: learnt, bias, pairs: pairs.len(), good })
    }

    /// The probability that an answer with these signals is good, in [0, 1]. Signals that are not finite are those of
    /// a token the student gave no chance: 0.
    #[must_use]
    pub fn confidence(&self, signals: &Signals) -> f64 {
        let Signals { mean_logprob, min_logprob, q10_logprob, mean_entropy, mean_margin, low_share, .. } = *signals;
        let all = [mean_logprob, min_logprob, q10_logprob, mean_entropy, mean_margin, low_share];
        if !all.iter().all(|signal| signal.is_finite()) {
            return 0.0;
        }
        self.confidence_of(&Features::of(signals))
    }

    /// The same of signals that were kept as features.
    #[must_use]
    pub fn confidence_of(&self, features: &Features) -> f64 {
        let row = standardised(&self.features, &features.numbers());
        let terms = self.features.iter().zip(row).map(|(feature, value)| feature.weight * value);
        let confidence = sigmoid(self.bias + terms.sum::<f64>());
        if confidence.is_nan() { 0.0 } else { confidence }
    }

    /// The weights of mean, least and 10 % log-probability, entropy, margin, share of unsure tokens and logarithm of
    /// the tokens, each for one standard deviation; then the bias.
    #[must_use]
    pub fn weights(&self) -> [f64; SIZE] {
        let mut weights = [self.bias; SIZE];
        for (to, feature) in weights.iter_mut().zip(&self.features) {
            *to = feature.weight;
        }
        weights
    }
}

/// The standardised features and a 1 for the bias.
fn standardised(learnt: &[Feature; FEATURES], row: &[f64; FEATURES]) -> Vector {
    let mut out = [1.0; SIZE];
    for ((to, feature), value) in out.iter_mut().zip(learnt).zip(row) {
        *to = feature.standard(*value);
    }
    out
}

fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

fn dot(left: &Vector, right: &Vector) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// Negative log-likelihood and penalty.
fn loss(rows: &[(Vector, f64)], weights: &Vector) -> f64 {
    let likelihood = |(row, good): &(Vector, f64)| {
        let score = dot(row, weights);
        // ln(1 + e^s) - y s, without overflow.
        score.max(0.0) + (-score.abs()).exp().ln_1p() - good * score
    };
    let penalty: f64 = weights.iter().take(FEATURES).map(|weight| weight * weight).sum();
    rows.iter().map(likelihood).sum::<f64>() + RIDGE / 2.0 * penalty
}

/// Newton's method from zero; a step that does not lower the loss is halved, so the loss never rises.
fn newton(rows: &[(Vector, f64)]) -> Vector {
    let mut weights = [0.0; SIZE];
    let mut now = loss(rows, &weights);
    for _ in 0..STEPS_MAX {
        let (gradient, hessian) = derivatives(rows, &weights);
        let step = solve(&hessian, &gradient);
        let mut length = 1.0;
        let next = (0..HALVINGS_MAX).find_map(|_| {
            let mut next = weights;
            next.iter_mut().zip(&step).for_each(|(weight, step)| *weight -= length * step);
            length /= 2.0;
            let loss = loss(rows, &next);
            (loss < now).then_some((next, loss))
        });
        let Some((next, loss)) = next else { break };
        let moved = next.iter().zip(&weights).map(|(next, weight)| (next - weight).abs()).fold(0.0, f64::max);
        (weights, now) = (next, loss);
        if moved < ARRIVED {
            break;
        }
    }
    weights
}

fn derivatives(rows: &[(Vector, f64)], weights: &Vector) -> (Vector, Matrix) {
    let (mut gradient, mut hessian) = ([0.0; SIZE], [[0.0; SIZE]; SIZE]);
    for (row, good) in rows {
        let p = sigmoid(dot(row, weights));
        let spread = p * (1.0 - p);
        for ((to, line), left) in gradient.iter_mut().zip(&mut hessian).zip(row) {
            *to += (p - good) * left;
            line.iter_mut().zip(row).for_each(|(cell, right)| *cell += spread * left * right);
        }
    }
    for (at, (to, line)) in gradient.iter_mut().zip(&mut hessian).enumerate() {
        // The bias has no penalty; a trace of one keeps the matrix definite where every outcome is certain.
        let ridge = if at < FEATURES { RIDGE } else { 0.0 };
        *to += ridge * weights.get(at).copied().unwrap_or_default();
        if let Some(cell) = line.get_mut(at) {
            *cell += ridge + 1e-9;
        }
    }
    (gradient, hessian)
}

/// Solves `matrix x = right` for a symmetric positive definite matrix, by Cholesky's `L L^T`.
fn solve(matrix: &Matrix, right: &Vector) -> Vector {
    let mut lower: Vec<Vec<f64>> = Vec::with_capacity(SIZE);
    for (i, line) in matrix.iter().enumerate() {
        let mut row: Vec<f64> = Vec::with_capacity(i + 1);
        for (value, other) in line.iter().zip(&lower) {
            let known: f64 = row.iter().zip(other).map(|(left, right)| left * right).sum();
            let pivot = other.last().copied().unwrap_or(1.0);
            row.push((value - known) / pivot);
        }
        let known: f64 = row.iter().map(|value| value * value).sum();
        let pivot = line.get(i).copied().unwrap_or_default() - known;
        row.push(pivot.max(f64::MIN_POSITIVE).sqrt());
        lower.push(row);
    }
    let mut forward: Vec<f64> = Vec::with_capacity(SIZE);
    for (row, value) in lower.iter().zip(right) {
        let known: f64 = row.iter().zip(&forward).map(|(left, right)| left * right).sum();
        forward.push((value - known) / row.last().copied().unwrap_or(1.0));
    }
    let mut out = [0.0; SIZE];
    for i in (0..SIZE).rev() {
        let column = |at: usize| lower.get(at).and_then(|row| row.get(i)).copied().unwrap_or_default();
        let known: f64 = out.iter().enumerate().skip(i + 1).map(|(at, value)| column(at) * value).sum();
        let value = (forward.get(i).copied().unwrap_or_default() - known) / column(i);
        if let Some(to) = out.get_mut(i) {
            *to = value;
        }
    }
    out
}

fn float(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
    let float = count as f64;
    float
}
