//! The chunked head against the whole one under candle's autograd.

use candle_core::{D, Device, Tensor, Var};

use super::{Targets, Want, head};
use crate::soft::Soft;
use crate::weight::Weight;

fn hard(ids: &[u32]) -> Targets<'_> {
    Targets { ids, soft: &[] }
}

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
            hard(&targets),
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
fn rows_with_soft_targets_give_the_mixture_and_its_derivatives_among_the_others() {
    let hidden = Var::from_tensor(&wave(4, 4, 0.7)).unwrap();
    let embedding = Var::from_tensor(&wave(11, 4, 1.3)).unwrap();
    let ids = [3u32, 10, 0, 7];
    let soft = |weight, known: &[(u32, f64)]| Some(Soft { weight, known: known.to_vec() });
    let softs = [None, soft(0.5, &[(10, 0.6), (2, 0.3)]), None, soft(1.0, &[(7, 0.5), (1, 0.25), (4, 0.125)])];
    // The same by candle: what every row gives to the known tokens, and to all others.
    let logits = hidden.as_tensor().matmul(&embedding.as_tensor().t().unwrap()).unwrap();
    let logp = candle_nn::ops::log_softmax(&logits, D::Minus1).unwrap();
    let at = |row: usize, id: u32| logp.get(row).unwrap().get(id as usize).unwrap();
    let mut rows = Vec::new();
    for (row, (id, soft)) in ids.iter().zip(&softs).enumerate() {
        let cross_entropy = (at(row, *id) * -1.0).unwrap();
        let Some(Soft { weight, known }) = soft else {
            rows.push(cross_entropy);
            continue;
        };
        let rest = 1.0 - known.iter().map(|(_, t)| t).sum::<f64>();
        let others: Vec<Tensor> = (0..11)
            .filter(|id| known.iter().all(|(known, _)| known != id))
            .map(|id| at(row, id).exp().unwrap())
            .collect();
        let others = Tensor::stack(&others, 0).unwrap().sum_all().unwrap().log().unwrap();
        let mut loss = ((others * -rest).unwrap() + rest * rest.ln()).unwrap();
        for (id, t) in known {
            loss = ((loss - (at(row, *id) * *t).unwrap()).unwrap() + t * t.ln()).unwrap();
        }
        rows.push(((loss * *weight).unwrap() + (cross_entropy * (1.0 - weight)).unwrap()).unwrap());
    }
    let want = Tensor::stack(&rows, 0).unwrap();
    let gradients = (want.sum_all().unwrap() * 0.25).unwrap().backward().unwrap();
    let want: Vec<f64> = want.to_vec1().unwrap();
    for chunk in [1, 3, 100] {
        let targets = Targets { ids: &ids, soft: &softs };
        let ours = head::<f64>(
            &hidden.detach(),
            &Weight::Own(embedding.detach()),
            targets,
            0.25,
            chunk,
            Want::HiddenAndEmbedding,
        )
        .unwrap();
        for (ours, want) in ours.log_probabilities.iter().zip(&want) {
            assert!((-ours - want).abs() < 1e-12, "{ours} for {want}");
        }
        for (ours, var) in [(ours.d_hidden, &hidden), (ours.d_embedding, &embedding)] {
            let difference = (ours.unwrap() - gradients.get(var).unwrap()).unwrap().abs().unwrap().max_all().unwrap();
            assert!(difference.to_scalar::<f64>().unwrap() < 1e-12, "chunk {chunk}");
        }
    }
    let outside = [soft(0.5, &[(11, 0.6)])];
    let targets = Targets { ids: &ids[..1], soft: &outside };
    let first = hidden.detach().narrow(0, 0, 1).unwrap();
    assert!(head::<f64>(&first, &Weight::Own(embedding.detach()), targets, 1.0, 8, Want::Hidden).is_err());
}

#[test]
fn greedy_says_whether_the_target_is_on_top() {
    let eye: Vec<f32> = (0..9).map(|i| if i % 4 == 0 { 1.0 } else { 0.0 }).collect();
    let eye = Tensor::from_vec(eye, (3, 3), &Device::Cpu).unwrap();
    let output = head::<f32>(&eye, &Weight::Own(eye.clone()), hard(&[0, 2, 2]), 1.0, 2, Want::Nothing).unwrap();
    assert_eq!(output.greedy, [true, false, true]);
    assert!(output.d_hidden.is_none());
}

#[test]
fn a_target_outside_the_vocabulary_is_an_error() {
    assert!(head::<f64>(&wave(1, 4, 0.7), &Weight::Own(wave(11, 4, 1.3)), hard(&[11]), 1.0, 8, Want::Nothing).is_err());
}
