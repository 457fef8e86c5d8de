//! The fast exponential against the exact one.

use super::{Float, dot};

#[test]
fn the_fast_exponential_is_exact_to_three_units_in_the_last_place() {
    let mut worst = 0.0f64;
    for i in -86_000..=87_000 {
        let x = i as f32 * 1e-3;
        let exact = f64::from(x).exp();
        worst = worst.max((f64::from(x.exp_approx()) - exact).abs() / exact);
    }
    assert!(worst < 3.0 * f64::from(f32::EPSILON), "{worst:.2e}");
    assert!((-1e30f32).exp_approx() < 1e-37 && 1e30f32.exp_approx().is_finite());
}

#[test]
fn sums_of_products_are_right_at_every_length() {
    for n in [0usize, 1, 15, 16, 17, 48, 100] {
        let a: Vec<f64> = (0..n).map(|i| i as f64 + 0.5).collect();
        let naive: f64 = a.iter().map(|v| v * v).sum();
        assert!((dot(&a, &a) - naive).abs() <= naive * 1e-12, "length {n}");
    }
}

#[test]
fn the_first_of_equal_largest_is_chosen() {
    assert_eq!(f32::argmax(&[1.0, 3.0, 3.0, 2.0]), 1);
}
