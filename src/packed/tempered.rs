//! The softmax of logits at a temperature, as something to draw from.
//!
//! One pass computes the weights and keeps their sums by run; a weight that is wanted afterwards is computed again, to the same bits.

use crate::exp::exp;
use crate::softmax::{LEAST, RUN, largest};
use crate::{Kernel, LANES};

/// Weights `e^((logit - largest) / temperature)`: the largest one's is 1. Where a logit is no number, or the largest is infinite, the mass
/// is no number.
#[derive(Clone, Debug)]
pub struct Tempered<'a> {
    logits: &'a [f32],
    largest: f32,
    /// 1 over the temperature, finite.
    sharpness: f32,
    /// Of every [`RUN`] weights.
    sums: Vec<f64>,
}

/// A token's place, its distance from the largest logit, at most 0, and its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighted {
    pub id: u32,
    pub distance: f32,
    pub weight: f32,
}

impl<'a> Tempered<'a> {
    /// Of a temperature above 0.
    #[must_use]
    pub fn new(kernel: Kernel, logits: &'a [f32], temperature: f64) -> Self {
        // What is too cold for single precision is as good as greedy, and infinity times the largest one's 0 would be no number.
        let sharpness = ((1.0 / temperature) as f32).min(f32::MAX);
        let (mut most, mut sums) = (f32::NEG_INFINITY, Vec::with_capacity(logits.len().div_ceil(RUN)));
        kernel.vectorise(
            #[inline(always)]
            || {
                most = largest(logits);
                sums.extend(logits.chunks(RUN).map(|run| f64::from(sum(run, most, sharpness))));
            },
        );
        Self { logits, largest: most, sharpness, sums }
    }

    /// The sum of all weights.
    #[must_use]
    pub fn mass(&self) -> f64 {
        self.sums.iter().sum()
    }

    /// Those whose logit, over the temperature, is not further than `reach` from the largest, by their place.
    #[must_use]
    pub fn within(&self, reach: f32) -> Vec<Weighted> {
        let mut found = Vec::new();
        for (at, logits) in (0..).step_by(LANES).zip(self.logits.chunks(LANES)) {
            let nearest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            if (nearest - self.largest) * self.sharpness >= -reach {
                let weighted = (at..).zip(logits).map(|(id, logit)| self.weighted(id, *logit));
                found.extend(weighted.filter(|weighted| weighted.distance * self.sharpness >= -reach));
            }
        }
        found
    }

    /// The place that holds `mass`, from 0 to below [`Self::mass`], of the weights in the order of their places: never one without a weight.
    #[must_use]
    pub fn at(&self, mass: f64) -> u32 {
        let (mut left, mut last) = (mass, 0);
        for (run, sum) in self.sums.iter().enumerate().filter(|(_, sum)| **sum > 0.0) {
            last = run;
            if left < *sum {
                break;
            }
            left -= sum;
        }
        let mut found = 0;
        for (id, logit) in (0..).zip(self.logits).skip(last * RUN).take(RUN) {
            let weight = self.weighted(id, *logit).weight;
            if weight > 0.0 {
                found = id;
                left -= f64::from(weight);
            }
            // Rounding can leave a trace of the mass undrawn, which is the last one's.
            if left < 0.0 {
                break;
            }
        }
        found
    }

    fn weighted(&self, id: u32, logit: f32) -> Weighted {
        let distance = logit - self.largest;
        Weighted { id, distance, weight: weight(distance, self.sharpness) }
    }
}

#[inline(always)]
fn weight(distance: f32, sharpness: f32) -> f32 {
    let scaled = distance * sharpness;
    // Not `max`, which would take a number for one that is none.
    let scaled = if scaled < LEAST { LEAST } else { scaled };
    if scaled <= LEAST { 0.0 } else { exp(scaled) }
}

#[inline(always)]
fn sum(logits: &[f32], largest: f32, sharpness: f32) -> f32 {
    let (lanes, rest) = logits.as_chunks::<LANES>();
    let mut sum = [0.0_f32; LANES];
    for logits in lanes {
        for (sum, logit) in sum.iter_mut().zip(logits) {
            *sum += weight(logit - largest, sharpness);
        }
    }
    for (sum, logit) in sum.iter_mut().zip(rest) {
        *sum += weight(logit - largest, sharpness);
    }
    sum.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many as a vocabulary has and no whole run, between -30 and 0.
    fn logits() -> Vec<f32> {
        (0..262_111_u32).map(|at| -((at.wrapping_mul(2_654_435_761) >> 16) as f32) * 30.0 / 65_536.0).collect()
    }

    #[test]
    fn every_kernel_gives_the_same_bits_and_they_are_those_of_double_precision() {
        let logits = logits();
        let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        for temperature in [0.01, 0.7, 1.0, 2.0] {
            let exact: f64 = logits.iter().map(|logit| ((f64::from(*logit) - largest) / temperature).exp()).sum();
            let portable = Tempered::new(Kernel::portable(), &logits, temperature).mass();
            assert!((portable / exact - 1.0).abs() < 2e-5, "{temperature}: {portable} and not {exact}");
            for (name, kernel) in Kernel::available() {
                let found = Tempered::new(kernel, &logits, temperature).mass();
                assert_eq!(found.to_bits(), portable.to_bits(), "{name}, {temperature}");
            }
        }
    }

    #[test]
    fn a_place_is_found_by_its_mass() {
        let logits = logits();
        let all = Tempered::new(Kernel::portable(), &logits, 1.0);
        let weights: Vec<f64> = all.within(f32::INFINITY).iter().map(|found| f64::from(found.weight)).collect();
        let sums: Vec<f64> = weights
            .iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        for share in [0.0, 0.1, 0.500_1, 0.9, 0.999_9] {
            let wanted = sums.partition_point(|sum| *sum <= share * all.mass());
            let found = all.at(share * all.mass()) as usize;
            // A run's sum is single precision: the place may be next to it, with as much mass as that loses.
            let between = (sums[found] - sums[wanted]).abs() / all.mass();
            assert!(between < 1e-5, "{share}: {found} and not {wanted}, {between} apart");
        }
    }

    #[test]
    fn what_has_no_weight_is_never_drawn() {
        let mut logits = vec![f32::NEG_INFINITY; 5000];
        (logits[1500], logits[3000]) = (1.0, 2.0);
        let all = Tempered::new(Kernel::portable(), &logits, 1.0);
        assert_eq!([all.at(0.0), all.at(0.3), all.at(0.4), all.at(all.mass())], [1500, 1500, 3000, 3000]);
        let cold = Tempered::new(Kernel::portable(), &logits, 1e-300);
        assert_eq!((cold.mass(), cold.at(0.0), cold.at(0.999)), (1.0, 3000, 3000));
    }

    #[test]
    fn the_nearest_are_found_by_their_place() {
        let logits: Vec<f32> = (0..100_u8).map(|at| f32::from(at % 50) / 10.0).collect();
        let all = Tempered::new(Kernel::portable(), &logits, 0.5);
        let found = all.within(0.45);
        let ids: Vec<u32> = found.iter().map(|found| found.id).collect();
        assert_eq!(ids, [47, 48, 49, 97, 98, 99]);
        assert_eq!(found[2], Weighted { id: 49, distance: 0.0, weight: 1.0 });
        assert!((f64::from(found[0].weight) - (-0.4_f64).exp()).abs() < 1e-6, "{found:?}");
        assert_eq!(all.within(f32::INFINITY).len(), 100);
    }

    #[test]
    fn what_is_no_number_is_seen() {
        for wrong in [f32::NAN, f32::INFINITY] {
            for (name, kernel) in Kernel::available() {
                let mut logits = [1.0; 33];
                logits[20] = wrong;
                assert!(Tempered::new(kernel, &logits, 1.0).mass().is_nan(), "{name}: {wrong}");
            }
        }
    }
}
