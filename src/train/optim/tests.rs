//! Optimisers against numbers worked out by hand, and Muon's defining property.

use super::*;

fn parameter(values: &[f32], shape: (usize, usize)) -> Parameter<f32> {
    Parameter { name: "p".into(), shape, values: values.to_vec() }
}

#[test]
fn adamw_follows_the_published_formula() {
    // Two steps with gradients 0.5 and -1 from 1, rate 0.1, decay 0.01, in f64 by the formula.
    let (mut value, mut m, mut v) = (1.0f64, 0.0, 0.0);
    let mut list = [parameter(&[1.0], (1, 1))];
    let mut optimizer = Optimizer::new(vec![Rule::AdamW], &list, 0.01);
    for (i, g) in [0.5f64, -1.0].into_iter().enumerate() {
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        let t = i as i32 + 1;
        let (m_hat, v_hat) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
        value -= 0.1 * (m_hat / (v_hat.sqrt() + 1e-8) + 0.01 * value);
        optimizer.step(&mut list, &[vec![g as f32]], Rates { adam: 0.1, muon: 0.0 }, i + 1).unwrap();
    }
    assert!((f64::from(list[0].values[0]) - value).abs() < 1e-6, "{} for {value}", list[0].values[0]);
}

#[test]
fn muon_moves_along_a_nearly_orthogonal_matrix() {
    let gradient: Vec<f32> = (0..32).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
    for shape in [(4, 8), (8, 4)] {
        let update = orthogonalised(&tensor::<f32>(gradient.clone(), shape).unwrap()).unwrap();
        let small = if shape.0 < shape.1 { update } else { update.t().unwrap() };
        let gram = small.matmul(&small.t().unwrap()).unwrap().to_vec2::<f32>().unwrap();
        for (i, row) in gram.iter().enumerate() {
            for (j, v) in row.iter().enumerate() {
                // The quintic's fixed interval: singular values between about 0.7 and 1.2.
                let range = if i == j { 0.4..1.6 } else { -0.45..0.45 };
                assert!(range.contains(v), "{shape:?} [{i}, {j}] = {v}");
            }
        }
    }
}

#[test]
fn threads_do_not_change_an_update() {
    let start: Vec<Parameter<f32>> = (0..5).map(|i| parameter(&[0.1 * i as f32; 12], (3, 4))).collect();
    let gradients: Vec<Vec<f32>> = (0..5).map(|i| (0..12).map(|j| ((i * 12 + j) as f32).cos()).collect()).collect();
    let after = |threads| {
        let mut list = start.clone();
        let mut optimizer = Optimizer::new(vec![Rule::Muon; 5], &list, 0.0);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| optimizer.step(&mut list, &gradients, Rates { adam: 0.0, muon: 0.02 }, 1)).unwrap();
        list
    };
    assert_eq!(after(1), after(3));
    assert_ne!(after(1), start);
}

#[test]
fn clipping_keeps_the_direction_and_bounds_the_length() {
    let mut gradients = vec![vec![3.0f32], vec![4.0]];
    assert!((clip(&mut gradients, 1.0) - 5.0).abs() < 1e-9);
    assert!((gradients[0][0] - 0.6).abs() < 1e-6 && (gradients[1][0] - 0.8).abs() < 1e-6);
    clip(&mut gradients, 10.0);
    assert!((gradients[0][0] - 0.6).abs() < 1e-6, "short ones are left alone");
}
