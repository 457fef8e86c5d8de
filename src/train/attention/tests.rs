//! A tree against its sequences one by one: what a model says, its losses and every gradient.

use candle_core::Tensor;
use gemma::{TokenisedExample, Weights};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::batch::Batch;
use crate::model::{Learning, Model};
use crate::tests::{golden, learner};
use crate::tree::tests::random_sequences;

/// What a batch teaches when each of its sequences has another weight: losses by sequence, and the gradients.
fn learnt(
    model: &Model<f64>,
    examples: &[&TokenisedExample],
    slopes: &[f64],
    parameters: &[usize],
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let batch = Batch::new(examples);
    let judge = |log_probabilities: &[f64]| {
        let by_sequence = batch.by_sequence(log_probabilities);
        (slopes.to_vec(), by_sequence.iter().map(|said| -said.iter().sum::<f64>()).collect::<Vec<f64>>())
    };
    let (losses, gradients) = model.learn(&batch, Learning { weight: 1.0, chunk: 5 }, parameters.len(), judge).unwrap();
    let mut sums: Vec<Vec<f64>> = parameters.iter().map(|len| vec![0.0; *len]).collect();
    gradients.add_to(&mut sums).unwrap();
    (losses, sums)
}

#[test]
fn losses_and_every_gradient_of_a_tree_are_those_of_its_sequences_one_by_one() {
    let (mut model, method, list) = learner::<f64>();
    let window = model.config.sliding_window;
    let longest = 4 * window;
    let parameters: Vec<usize> = list.iter().map(|parameter| parameter.values.len()).collect();
    model = Model::load(model.config, &Weights::load(&golden()).unwrap(), longest).unwrap();
    model.bind(method, &list).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (mut worst, mut shared, mut beyond) = (0.0f64, 0, 0);
    for round in 0..40 {
        model.recompute = round % 2 == 1;
        let vocabulary = model.config.vocab_size as u32;
        let sequences = random_sequences(&mut rng, 2 + round % 6, longest, vocabulary);
        let examples: Vec<TokenisedExample> = sequences
            .into_iter()
            .map(|ids| TokenisedExample { completion: rng.random_range(0..ids.len())..ids.len(), ids })
            .collect();
        let slopes: Vec<f64> = examples.iter().map(|_| rng.random_range(-1.0..2.0)).collect();
        let all: Vec<&TokenisedExample> = examples.iter().collect();
        let tree = Batch::new(&all).tree;
        shared += examples.iter().map(|example| example.ids.len()).sum::<usize>() - tree.tokens();
        beyond += tree.nodes.iter().filter(|node| node.parent.is_some() && node.position > window).count();
        let (losses, ours) = learnt(&model, &all, &slopes, &parameters);
        let mut alone: Vec<Vec<f64>> = parameters.iter().map(|len| vec![0.0; *len]).collect();
        for ((example, slope), loss) in all.iter().zip(&slopes).zip(losses) {
            let (theirs, gradients) = learnt(&model, &[example], &[*slope], &parameters);
            assert!((loss - theirs[0]).abs() <= 1e-9 * theirs[0].abs().max(1.0), "{loss}, alone {}", theirs[0]);
            alone.iter_mut().zip(gradients).for_each(|(sum, one)| sum.iter_mut().zip(one).for_each(|(s, g)| *s += g));
        }
        for (ours, alone) in ours.iter().zip(&alone) {
            let difference: f64 = ours.iter().zip(alone).map(|(a, b)| (a - b).powi(2)).sum();
            let size: f64 = alone.iter().map(|b| b.powi(2)).sum();
            worst = worst.max((difference / size.max(1e-12)).sqrt());
        }
    }
    println!(
        "gradients of trees: worst relative difference {worst:.2e}, {shared} tokens shared, {beyond} runs begin beyond the window"
    );
    assert!(worst <= 1e-5, "{worst}");
    assert!(shared > 500 && beyond > 5, "{shared}, {beyond}: the test shows nothing");
}

#[test]
fn what_a_model_says_of_a_tree_is_what_it_says_of_each_sequence() {
    let (mut model, method, list) = learner::<f64>();
    let longest = 2 * model.config.sliding_window;
    model = Model::load(model.config, &Weights::load(&golden()).unwrap(), longest).unwrap();
    model.bind(method, &list).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let sequences = random_sequences(&mut rng, 5, longest, 40);
    let examples: Vec<TokenisedExample> =
        sequences.into_iter().map(|ids| TokenisedExample { completion: 1..ids.len(), ids }).collect();
    let together = model.score(&Batch::new(&examples.iter().collect::<Vec<_>>()), 64).unwrap();
    for (example, together) in examples.iter().zip(together) {
        let alone = model.score(&Batch::new(&[example]), 64).unwrap()[0];
        assert!((alone.loss - together.loss).abs() < 1e-9 && alone.tokens == together.tokens);
        assert_eq!(alone.exact, together.exact);
    }
}

#[test]
fn keys_that_no_query_of_a_run_sees_are_not_looked_at() {
    let tree =
        crate::tree::lay_out(&[&[&(0..30).collect::<Vec<u32>>()[..], &[90]].concat(), &(0..31).collect::<Vec<u32>>()])
            .tree;
    let rope = crate::kernels::Rope::<f64>::new(10.0, 4, 40);
    let gain = vec![1.0; 4];
    let keys = |window| {
        let attention = super::Attention {
            tree: &tree,
            rope: &rope,
            query_gain: &gain,
            key_gain: &gain,
            eps: 1e-6,
            scale: 1.0,
            window,
        };
        let x = Tensor::ones((tree.tokens(), 4), candle_core::DType::F64, &candle_core::Device::Cpu).unwrap();
        let (_, saved) = attention.forward(&x, &x, &x).unwrap();
        saved.p.iter().map(|p| p.dim(2).unwrap()).collect::<Vec<usize>>()
    };
    assert_eq!((keys(usize::MAX), keys(8)), (vec![30, 31, 31], vec![30, 8, 8]));
}
