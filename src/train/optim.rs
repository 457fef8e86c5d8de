//! The optimisers: AdamW, and Muon for the matrices of a model that is trained from nothing.

use candle_core::{Result, Tensor};

use crate::error::TrainError;
use crate::float::{tensor, view};
use crate::parallel::in_parallel;
use crate::parameters::Parameter;

/// How one parameter is updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW,
    /// Momentum, orthogonalised (Jordan et al. 2024).
    Muon,
}

/// Moments and settings. The lists are in the order of the parameters.
pub(crate) struct Optimizer {
    pub(crate) rules: Vec<Rule>,
    pub(crate) first: Vec<Vec<f32>>,
    /// Empty for [`Rule::Muon`].
    pub(crate) second: Vec<Vec<f32>>,
    pub(crate) weight_decay: f32,
}

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPS: f32 = 1e-8;
const MUON_MOMENTUM: f32 = 0.95;

/// The learning rates of one step, by rule.
#[derive(Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) adam: f32,
    pub(crate) muon: f32,
}

impl Optimizer {
    pub(crate) fn new(rules: Vec<Rule>, parameters: &[Parameter<f32>], weight_decay: f32) -> Self {
        let first = parameters.iter().map(|p| vec![0.0; p.values.len()]).collect();
        let second = parameters
            .iter()
            .zip(&rules)
            .map(|(p, rule)| vec![0.0; if *rule == Rule::AdamW { p.values.len() } else { 0 }])
            .collect();
        Self { rules, first, second, weight_decay }
    }

    /// One update; `step` counts from 1.
    pub(crate) fn step(
        &mut self,
        parameters: &mut [Parameter<f32>],
        gradients: &[Vec<f32>],
        rates: Rates,
        step: usize,
    ) -> std::result::Result<(), TrainError> {
        let mut matrices = Vec::new();
        let states = self.first.iter_mut().zip(self.second.iter_mut()).zip(&self.rules);
        let all = parameters.iter_mut().zip(gradients).zip(states).enumerate();
        for (i, ((parameter, gradient), ((first, second), rule))) in all {
            match rule {
                Rule::AdamW => {
                    let values = &mut parameter.values;
                    adamw(values, gradient, first, second, (rates.adam, self.weight_decay), step);
                }
                Rule::Muon => {
                    matrices.push((i, tensor::<f32>(look_ahead(gradient, first), parameter.shape)?));
                }
            }
        }
        let updates = in_parallel(&matrices, |(i, ahead)| Ok((*i, orthogonalised(ahead)?)))?;
        for (i, update) in updates {
            if let Some(parameter) = parameters.get_mut(i) {
                muon(parameter, &view::<f32>(&update)?, rates.muon, self.weight_decay);
            }
        }
        Ok(())
    }
}

fn adamw(
    values: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    (rate, decay): (f32, f32),
    step: usize,
) {
    let power = i32::try_from(step).unwrap_or(i32::MAX);
    let (fix1, fix2) = (1.0 - BETA1.powi(power), 1.0 - BETA2.powi(power));
    for (((v, g), m), s) in values.iter_mut().zip(gradient).zip(first).zip(second) {
        *m = BETA1 * *m + (1.0 - BETA1) * g;
        *s = BETA2 * *s + (1.0 - BETA2) * g * g;
        *v -= rate * ((*m / fix1) / ((*s / fix2).sqrt() + EPS) + decay * *v);
    }
}

/// Momentum with Nesterov's look-ahead.
fn look_ahead(gradient: &[f32], first: &mut [f32]) -> Vec<f32> {
    let ahead = |(g, m): (&f32, &mut f32)| {
        *m = MUON_MOMENTUM * *m + g;
        g + MUON_MOMENTUM * *m
    };
    gradient.iter().zip(first).map(ahead).collect()
}

fn muon(parameter: &mut Parameter<f32>, update: &[f32], rate: f32, decay: f32) {
    let (rows, columns) = parameter.shape;
    let rate_out = rate * (rows as f32 / columns as f32).max(1.0).sqrt();
    for (v, u) in parameter.values.iter_mut().zip(update) {
        *v -= rate_out * u + rate * decay * *v;
    }
}

/// The nearest orthogonal matrix, roughly: five steps of a quintic Newton-Schulz iteration, which
/// bring every singular value near one (coefficients of Jordan et al.).
fn orthogonalised(matrix: &Tensor) -> Result<Tensor> {
    let (a, b, c) = (3.4445, -4.7750, 2.0315);
    let (rows, columns) = matrix.dims2()?;
    let tall = rows > columns;
    let mut x = if tall { matrix.t()?.contiguous()? } else { matrix.clone() };
    let norm = f64::from(x.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt();
    x = (x * (1.0 / (norm + 1e-7)))?;
    for _ in 0..5 {
        let gram = x.matmul(&x.t()?)?;
        let poly = ((&gram * b)? + (gram.matmul(&gram)? * c)?)?;
        x = ((&x * a)? + poly.matmul(&x)?)?;
    }
    if tall { x.t()?.contiguous() } else { Ok(x) }
}

/// Scales the gradients down to the length `limit`; gives back the length they had.
pub(crate) fn clip(gradients: &mut [Vec<f32>], limit: f64) -> f64 {
    let squares: f64 = gradients.iter().flatten().map(|g| f64::from(*g) * f64::from(*g)).sum();
    let norm = squares.sqrt();
    if limit > 0.0 && norm > limit {
        let factor = (limit / norm) as f32;
        gradients.iter_mut().flatten().for_each(|g| *g *= factor);
    }
    norm
}

#[cfg(test)]
mod tests;
