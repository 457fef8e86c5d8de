//! The row's loss and derivative against finite differences and the formula taken apart.

use super::*;
use crate::kernels::softmax_in_place;

fn logits() -> Vec<f64> {
    (0..9).map(|i| (f64::from(i) * 1.7).sin() * 3.0).collect()
}

/// Loss and derivative at `logits`.
fn at(soft: &Soft, target: usize, logits: &[f64]) -> (f64, Vec<f64>) {
    let mut p = logits.to_vec();
    let log_sum = softmax_in_place(&mut p, 1.0);
    let loss = soft.apply(target, &mut p, |id| logits[id] - log_sum);
    (loss, p)
}

fn cases() -> Vec<(Soft, usize)> {
    let soft = |weight, known: &[(u32, f64)]| Soft { weight, known: known.to_vec() };
    vec![
        (soft(0.5, &[(2, 0.6), (7, 0.25), (0, 0.1)]), 2),
        (soft(1.0, &[(2, 0.6), (7, 0.4)]), 7),
        (soft(0.3, &[(5, 0.9)]), 1),
        (soft(0.7, &[(4, 1.0)]), 4),
        (soft(0.8, &[(4, 0.5), (3, 0.0)]), 4),
    ]
}

#[test]
fn the_derivative_is_that_of_finite_differences() {
    for (soft, target) in cases() {
        let (_, derivative) = at(&soft, target, &logits());
        for i in 0..9 {
            let moved = |by: f64| {
                let mut logits = logits();
                logits[i] += by;
                at(&soft, target, &logits).0
            };
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slope - derivative[i]).abs() < 1e-9, "{soft:?}, logit {i}: {slope} and {}", derivative[i]);
        }
        assert!(derivative.iter().sum::<f64>().abs() < 1e-12, "a shift of all logits changes nothing");
    }
}

#[test]
fn the_loss_is_the_mixture_of_cross_entropy_and_divergence() {
    let (soft, target) = cases().swap_remove(0);
    let logits = logits();
    let sum: f64 = logits.iter().map(|l| l.exp()).sum();
    let p: Vec<f64> = logits.iter().map(|l| l.exp() / sum).collect();
    let others = 1.0 - p[2] - p[7] - p[0];
    let outcomes = [(0.6, p[2]), (0.25, p[7]), (0.1, p[0]), (0.05, others)];
    let divergence: f64 = outcomes.iter().map(|(t, p): &(f64, f64)| t * (t / p).ln()).sum();
    let want = 0.5 * -p[2].ln() + 0.5 * divergence;
    assert!((at(&soft, target, &logits).0 - want).abs() < 1e-12);
}

#[test]
fn a_student_that_says_what_the_teacher_says_has_nothing_to_learn_from_the_divergence() {
    let logits = logits();
    let mut p = logits.clone();
    softmax_in_place(&mut p, 1.0);
    let soft = Soft { weight: 1.0, known: vec![(1, p[1]), (6, p[6])] };
    let (loss, derivative) = at(&soft, 1, &logits);
    assert!(loss.abs() < 1e-12 && derivative.iter().all(|d| d.abs() < 1e-12), "{loss}, {derivative:?}");
}

#[test]
fn what_nobody_thinks_possible_gives_numbers_all_the_same() {
    let mut logits = vec![-600.0; 9];
    logits[3] = 600.0;
    let soft = Soft { weight: 0.5, known: vec![(3, 0.5)] };
    let (loss, derivative) = at(&soft, 3, &logits);
    assert!(loss.is_finite() && derivative.iter().all(|d| d.is_finite()), "{loss}, {derivative:?}");
    // No other token is left to have the rest.
    let all = Soft { weight: 0.5, known: (0..9).map(|id| (id, 0.1)).collect() };
    let (loss, derivative) = at(&all, 3, &logits);
    assert!(loss.is_finite() && derivative.iter().all(|d| d.is_finite()), "{loss}, {derivative:?}");
    let single: Vec<f32> = logits.iter().map(|l| *l as f32).collect();
    let mut p = single.clone();
    let log_sum = softmax_in_place(&mut p, 1.0);
    let loss = soft.apply(3, &mut p, |id| f64::from(single[id]) - log_sum);
    assert!(loss.is_finite() && p.iter().all(|d| d.is_finite()), "{loss}, {p:?}");
}
