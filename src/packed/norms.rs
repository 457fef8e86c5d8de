//! Root mean square norms (Zhang and Sennrich 2019), and what stands beside them between two products.

use crate::{Kernel, LANES};

/// Every row of `x`, as wide as `weight`, over the root of its mean square, times `weight`.
pub fn rms_norm(kernel: Kernel, x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let width = weight.len().max(1);
    kernel.vectorise(
        #[inline(always)]
        || {
            for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
                let inverse = inverse_root(x, epsilon);
                for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
                    *out = x * inverse * weight;
                }
            }
        },
    );
}

/// The norms around a residual stream, `[rows, width]` like `x`, which a block's output `x` joins.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a> {
    pub x: &'a [f32],
    /// The weight of the norm of `x` before it is added.
    pub before: &'a [f32],
    pub residual: &'a [f32],
    /// The weight of the norm of the sum.
    pub after: &'a [f32],
    pub epsilon: f32,
}

impl Joined<'_> {
    /// Writes `sum = residual + norm(x)`, and `normed = norm(sum)`.
    pub fn write(&self, kernel: Kernel, sum: &mut [f32], normed: &mut [f32]) {
        let width = self.before.len().max(1);
        kernel.vectorise(
            #[inline(always)]
            || {
                let streams = self.residual.chunks_exact(width).zip(sum.chunks_exact_mut(width));
                for ((x, (residual, sum)), normed) in
                    self.x.chunks_exact(width).zip(streams).zip(normed.chunks_exact_mut(width))
                {
                    let inverse = inverse_root(x, self.epsilon);
                    for (((sum, residual), x), weight) in sum.iter_mut().zip(residual).zip(x).zip(self.before) {
                        *sum = residual + x * inverse * weight;
                    }
                    let inverse = inverse_root(sum, self.epsilon);
                    for ((normed, sum), weight) in normed.iter_mut().zip(&*sum).zip(self.after) {
                        *normed = sum * inverse * weight;
                    }
                }
            },
        );
    }
}

/// 1 over the root of the mean square.
#[inline(always)]
fn inverse_root(row: &[f32], epsilon: f32) -> f32 {
    let (lanes, rest) = row.as_chunks::<LANES>();
    let mut squares = [0.0_f32; LANES];
    for values in lanes {
        for (sum, value) in squares.iter_mut().zip(values) {
            *sum += value * value;
        }
    }
    let sum = squares.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>();
    1.0 / (sum / row.len() as f32 + epsilon).sqrt()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn numbers(seed: u64, count: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| (rng.next_u32() as f32 / u32::MAX as f32 - 0.5) * 6.0).collect()
    }

    fn exact(row: &[f64], weight: &[f32], epsilon: f64) -> Vec<f64> {
        let square = row.iter().map(|value| value * value).sum::<f64>() / row.len() as f64;
        row.iter().zip(weight).map(|(value, weight)| value / (square + epsilon).sqrt() * f64::from(*weight)).collect()
    }

    fn near(found: &[f32], expected: &[f64]) -> bool {
        found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|(found, wanted)| (f64::from(*found) - wanted).abs() <= 2e-6 * (1.0 + wanted.abs()))
    }

    #[test]
    fn norms_are_those_of_double_precision_and_the_same_on_every_kernel() {
        for width in [1, 15, 16, 256, 1152] {
            let (x, residual) = (numbers(1, 3 * width), numbers(2, 3 * width));
            let (before, after) = (numbers(3, width), numbers(4, width));
            let mut seen: Option<[Vec<f32>; 3]> = None;
            for (name, kernel) in Kernel::available() {
                let [mut alone, mut sum, mut normed] = [(); 3].map(|()| vec![f32::NAN; 3 * width]);
                rms_norm(kernel, &x, &before, 1e-6, &mut alone);
                Joined { x: &x, before: &before, residual: &residual, after: &after, epsilon: 1e-6 }.write(
                    kernel,
                    &mut sum,
                    &mut normed,
                );
                for row in 0..3 {
                    let at = row * width..(row + 1) * width;
                    let x: Vec<f64> = x[at.clone()].iter().map(|value| f64::from(*value)).collect();
                    let expected = exact(&x, &before, 1e-6);
                    assert!(near(&alone[at.clone()], &expected), "{name}, {width} wide");
                    let added: Vec<f64> = residual[at.clone()]
                        .iter()
                        .zip(expected)
                        .map(|(left, right)| f64::from(*left) + right)
                        .collect();
                    assert!(near(&sum[at.clone()], &added), "{name}, {width} wide");
                    assert!(near(&normed[at], &exact(&added, &after, 1e-6)), "{name}, {width} wide");
                }
                let found = [alone, sum, normed];
                assert_eq!(seen.get_or_insert_with(|| found.clone()), &found, "{name}, {width} wide");
            }
        }
    }

    /// The epsilon counts where a row is next to nothing.
    #[test]
    fn nothing_stays_nothing_and_no_number_none() {
        for (name, kernel) in Kernel::available() {
            let mut out = [f32::NAN; 2];
            rms_norm(kernel, &[0.0, 0.0], &[1.0, 1.0], 1e-6, &mut out);
            assert_eq!(out, [0.0; 2], "{name}");
            rms_norm(kernel, &[1e-3, 1e-3], &[2.0, 1.0], 3e-6, &mut out);
            assert!((out[0] - 1.0).abs() < 1e-6 && (out[1] - 0.5).abs() < 1e-6, "{name}: {out:?}");
            rms_norm(kernel, &[1.0, f32::NAN], &[1.0, 1.0], 1e-6, &mut out);
            assert!(out.iter().all(|value| value.is_nan()), "{name}: {out:?}");
        }
    }
}
