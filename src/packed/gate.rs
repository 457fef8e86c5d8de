//! What stands between two products of a gated layer.

use crate::Kernel;
use crate::exp::exp;

const SQRT_2_OVER_PI: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

/// `gelu(gate) * up` of every row: `x` is `[rows, 2 * width]`, gate beside up, and `out` `[rows, width]`. GELU by its tanh form (Hendrycks
/// and Gimpel 2016), as Gemma has it; the relative error is below 1e-6.
pub fn gated_gelu(kernel: Kernel, x: &[f32], width: usize, out: &mut [f32]) {
    kernel.vectorise(
        #[inline(always)]
        || {
            for (row, out) in x.chunks_exact((2 * width).max(1)).zip(out.chunks_exact_mut(width.max(1))) {
                let (gate, up) = row.split_at(width);
                for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
                    *out = gelu(*gate) * up;
                }
            }
        },
    );
}

/// `0.5 x (1 + tanh u)` is `x / (1 + e^-2u)`.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let u = SQRT_2_OVER_PI * (x + CUBIC * x * x * x);
    x / (1.0 + exp(-2.0 * u))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_gelu_by_tanh() {
        let gates: Vec<f32> =
            (-3000..3000).map(|at| at as f32 / 100.0).chain([-1e30, -200.0, 0.0, 200.0, 1e5]).collect();
        let (width, x) = (gates.len(), [gates.clone(), vec![1.5; gates.len()]].concat());
        for (name, kernel) in Kernel::available() {
            let mut out = vec![0.0; width];
            gated_gelu(kernel, &x, width, &mut out);
            for (gate, found) in gates.iter().zip(out) {
                let exact = f64::from(*gate);
                let u = (2.0 / std::f64::consts::PI).sqrt() * (exact + 0.044715 * exact.powi(3));
                let expected = 1.5 * 0.5 * exact * (1.0 + u.tanh());
                assert!(
                    (f64::from(found) - expected).abs() <= 1e-6 + 1e-6 * expected.abs(),
                    "{name}: {gate}: {found} and {expected}"
                );
            }
        }
    }

    #[test]
    fn no_number_stays_none() {
        for (name, kernel) in Kernel::available() {
            let mut out = [0.0; 1];
            gated_gelu(kernel, &[f32::NAN, 1.0], 1, &mut out);
            assert!(out[0].is_nan(), "{name}");
        }
    }
}
