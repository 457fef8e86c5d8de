//! The chunked head against the whole one under candle's autograd.

use candle_core::{D, Device, Tensor, Var};

use super::{Want, head};
use crate::weight::Weight;

fn wave(rows: usize, columns: usize, step: f64) -> Tensor {
    let values: Vec<f64> = (0..rows * columns).map(|i| (i as f64 * step).sin() * 2.0).collect();
    Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap()
}

#[test]
fn chunks_give_the_loss_and_derivatives_of_the_whole() {
    let hidden = Var::from_tensor(&wave(7, 4, 0.7)).unwrap();
    let embedding = Var::from_tensor(&wave(11, 4, 1.3)).unwrap();
    let targets = [3u32, 10, 0, 0, 7, 5, 2];
    let logits = hidden.as_tensor().matmul(&embedding.as_tensor().t().unwrap()).unwrap();
    let logp = candle_nn::ops::log_softmax(&logits, D::Minus1).unwrap();
    let picked = logp.gather(&Tensor::new(&targets, &Device::Cpu).unwrap().unsqueeze(1).unwrap(), 1).unwrap();
    let loss = (picked.sum_all().unwrap() * -0.25).unwrap();
    let gradients = loss.backward().unwrap();
    let want: Vec<f64> = picked.flatten_all().unwrap().to_vec1().unwrap();
    for chunk in [1, 3, 7, 100] {
        let ours = head::<f64>(
            &hidden.detach(),
            &Weight::Own(embedding.detach()),
            &targets,
            0.25,
            chunk,
            Want::HiddenAndEmbedding,
        )
        .unwrap();
        for (ours, want) in ours.log_probabilities.iter().zip(&want) {
            assert!((ours - want).abs() < 1e-12);
        }
        for (ours, var) in [(ours.d_hidden, &hidden), (ours.d_embedding, &embedding)] {
            let difference = (ours.unwrap() - gradients.get(var).unwrap()).unwrap().abs().unwrap().max_all().unwrap();
            assert!(difference.to_scalar::<f64>().unwrap() < 1e-12, "chunk {chunk}");
        }
    }
}

#[test]
fn greedy_says_whether_the_target_is_on_top() {
    let eye: Vec<f32> = (0..9).map(|i| if i % 4 == 0 { 1.0 } else { 0.0 }).collect();
    let eye = Tensor::from_vec(eye, (3, 3), &Device::Cpu).unwrap();
    let output = head::<f32>(&eye, &Weight::Own(eye.clone()), &[0, 2, 2], 1.0, 2, Want::Nothing).unwrap();
    assert_eq!(output.greedy, [true, false, true]);
    assert!(output.d_hidden.is_none());
}

#[test]
fn a_target_outside_the_vocabulary_is_an_error() {
    assert!(head::<f64>(&wave(1, 4, 0.7), &Weight::Own(wave(11, 4, 1.3)), &[11], 1.0, 8, Want::Nothing).is_err());
}
