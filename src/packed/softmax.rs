//! What figures over a softmax are made of, in two passes over its logits.

use crate::exp::exp;
use crate::{Kernel, LANES};

/// Numbers whose sums are held in single precision before they are added up in double: the error stays below 1e-6 of the sum.
pub(crate) const RUN: usize = LANES * 64;
/// `e^` of what is not larger is nothing beside the largest one's 1; minus infinity times nothing would be no number.
pub(crate) const LEAST: f32 = -87.0;

/// Of logits, with `d` for a logit's distance from the largest one. Where one is no number, or the largest is infinite, the sums are
/// no numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softmax {
    pub largest: f32,
    /// The second largest; the same again where two are the largest.
    pub second: f32,
    /// The sum of `e^d`.
    pub sum: f64,
    /// The sum of `d e^d`.
    pub weighted: f64,
}

impl Softmax {
    #[must_use]
    pub fn of(kernel: Kernel, logits: &[f32]) -> Self {
        let (mut largest, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        let (mut sum, mut weighted) = (0.0, 0.0);
        kernel.vectorise(
            #[inline(always)]
            || {
                (largest, second) = two_largest(logits);
                for run in logits.chunks(RUN) {
                    let (run_sum, run_weighted) = sums(run, largest);
                    sum += f64::from(run_sum);
                    weighted += f64::from(run_weighted);
                }
            },
        );
        Self { largest, second, sum, weighted }
    }

    /// `ln(sum of e^logit)`.
    #[must_use]
    pub fn log_sum(&self) -> f64 {
        f64::from(self.largest) + self.sum.ln()
    }

    /// Nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        self.sum.ln() - self.weighted / self.sum
    }

    /// The difference of the two largest probabilities.
    #[must_use]
    pub fn margin(&self) -> f64 {
        (1.0 - f64::from(self.second - self.largest).exp()) / self.sum
    }
}

/// The place of the largest, the first of equals; 0 where none is a number.
#[must_use]
pub fn place_of_largest(kernel: Kernel, logits: &[f32]) -> u32 {
    let mut most = f32::NEG_INFINITY;
    kernel.vectorise(
        #[inline(always)]
        || most = largest(logits),
    );
    logits.iter().position(|logit| *logit == most).unwrap_or_default() as u32
}

/// The largest; what is no number is passed over.
#[inline(always)]
pub(crate) fn largest(logits: &[f32]) -> f32 {
    let (lanes, rest) = logits.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for logits in lanes {
        for (most, logit) in most.iter_mut().zip(logits) {
            *most = if *logit > *most { *logit } else { *most };
        }
    }
    most.iter().chain(rest).fold(f32::NEG_INFINITY, |most, logit| if *logit > most { *logit } else { most })
}

#[inline(always)]
fn two_largest(logits: &[f32]) -> (f32, f32) {
    let (lanes, rest) = logits.as_chunks::<LANES>();
    let (mut first, mut second) = ([f32::NEG_INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    let mut take = |lane: usize, logit: f32| {
        let least = if logit < first[lane] { logit } else { first[lane] };
        second[lane] = if least > second[lane] { least } else { second[lane] };
        first[lane] = if logit > first[lane] { logit } else { first[lane] };
    };
    for logits in lanes {
        logits.iter().enumerate().for_each(|(lane, logit)| take(lane, *logit));
    }
    for (lane, logit) in rest.iter().enumerate() {
        take(lane, *logit);
    }
    let largest = |found: (f32, f32), logit: f32| {
        if logit > found.0 { (logit, found.0) } else { (found.0, if logit > found.1 { logit } else { found.1 }) }
    };
    first.into_iter().chain(second).fold((f32::NEG_INFINITY, f32::NEG_INFINITY), largest)
}

/// The sums of `e^d` and of `d e^d`.
#[inline(always)]
fn sums(logits: &[f32], largest: f32) -> (f32, f32) {
    let (lanes, rest) = logits.as_chunks::<LANES>();
    let (mut sum, mut weighted) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let mut take = |lane: usize, logit: f32| {
        let distance = logit - largest;
        // Not `max`, which would take a number for one that is none.
        let distance = if distance < LEAST { LEAST } else { distance };
        let weight = if distance <= LEAST { 0.0 } else { exp(distance) };
        sum[lane] += weight;
        weighted[lane] += distance * weight;
    };
    for logits in lanes {
        logits.iter().enumerate().for_each(|(lane, logit)| take(lane, *logit));
    }
    for (lane, logit) in rest.iter().enumerate() {
        take(lane, *logit);
    }
    (sum.iter().sum(), weighted.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(logits: &[f32]) -> Softmax {
        let mut sorted = logits.to_vec();
        sorted.sort_by(|left, right| right.total_cmp(left));
        let distances =
            || logits.iter().map(|logit| f64::from(*logit) - f64::from(sorted[0])).filter(|d| d.is_finite());
        let (sum, weighted) = (distances().map(f64::exp).sum(), distances().map(|d| d * d.exp()).sum());
        Softmax { largest: sorted[0], second: *sorted.get(1).unwrap_or(&f32::NEG_INFINITY), sum, weighted }
    }

    #[test]
    fn is_that_of_double_precision() {
        let wave = |count: usize, size: f32| (0..count).map(|at| ((at * 7919) % 1009) as f32 * size / 1009.0).collect();
        let cases: [Vec<f32>; 7] = [
            wave(262_144, 30.0),
            wave(1000, 200.0),
            vec![0.25; 262_143],
            vec![-4.0],
            vec![3.0, f32::NEG_INFINITY, 3.0],
            [vec![f32::NEG_INFINITY; 100], vec![7.5], vec![f32::NEG_INFINITY; 30]].concat(),
            vec![1e30, -1e30, 9.9e29],
        ];
        for (name, kernel) in Kernel::available() {
            for (at, logits) in cases.iter().enumerate() {
                let (found, wanted) = (Softmax::of(kernel, logits), exact(logits));
                assert_eq!((found.largest, found.second), (wanted.largest, wanted.second), "{name}, case {at}");
                for (found, wanted) in [(found.sum, wanted.sum), (found.weighted, wanted.weighted)] {
                    assert!(
                        (found - wanted).abs() <= 2e-6 * (1.0 + wanted.abs()),
                        "{name}, case {at}: {found} {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_first_of_the_largest_is_found() {
        for (name, kernel) in Kernel::available() {
            let mut logits = vec![-1.0; 1000];
            for place in [999, 993, 500, 20, 3] {
                logits[place] = 2.5;
                assert_eq!(place_of_largest(kernel, &logits), place as u32, "{name}");
            }
            logits[700] = f32::NAN;
            assert_eq!(place_of_largest(kernel, &logits), 3, "{name}");
            assert_eq!(place_of_largest(kernel, &[f32::NAN; 40]), 0, "{name}");
        }
    }

    #[test]
    fn no_number_is_seen() {
        for (name, kernel) in Kernel::available() {
            for place in [0, 20, 32] {
                for wrong in [f32::NAN, f32::INFINITY] {
                    let mut logits = [1.0; 33];
                    logits[place] = wrong;
                    assert!(Softmax::of(kernel, &logits).sum.is_nan(), "{name}: {wrong} at {place}");
                }
            }
            assert!(Softmax::of(kernel, &[f32::NEG_INFINITY; 40]).sum.is_nan(), "{name}");
        }
    }
}
