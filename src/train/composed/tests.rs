//! The composed engine against the model on the CPU: losses and every gradient, over random trees on random small models.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use gemma::{Config, TokenisedExample};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::engine::Engine;
use crate::float::tensor;
use crate::item::Sequence;
use crate::model::Model;
use crate::soft::Soft;
use crate::tests::golden;
use crate::tree::tests::random_sequences;

/// Random weights that a file in bf16 could hold, the same for the same name.
struct Random;

fn random<T: Float>(name: &str, len: usize, bound: f64) -> Vec<T> {
    let seed = name.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f64> = (0..len).map(|_| rng.random_range(-bound..bound)).collect();
    let values = Tensor::from_vec(values, len, &Device::Cpu).unwrap().to_dtype(DType::BF16).unwrap();
    values.to_dtype(T::DTYPE).unwrap().to_vec1().unwrap()
}

impl<T: Float> Source<T> for Random {
    fn matrix(&mut self, name: &str, (out, inn): (usize, usize)) -> std::result::Result<Weight, TrainError> {
        Ok(Weight::Own(tensor(random::<T>(name, out * inn, (3.0 / inn as f64).sqrt()), (out, inn))?))
    }

    fn vector(&mut self, name: &str, len: usize) -> std::result::Result<Vec<f32>, TrainError> {
        Ok(random(name, len, 0.3))
    }
}

const LONGEST: usize = 30;
const METHOD: Method = Method::LowRank { rank: 3, scale: 0.7, first: 0 };

/// Both engines with the same weights and the same adapter, and that adapter.
struct Two<T> {
    model: Model<T>,
    composed: Composed,
    list: Vec<Parameter<T>>,
}

impl<T: Float> Two<T> {
    fn new(kv_heads: usize, products: DType) -> Self {
        let mut config = Config::load(&golden()).unwrap();
        config.num_key_value_heads = kv_heads;
        let list = METHOD.parameters(&config, &mut ChaCha8Rng::seed_from_u64(3));
        // B starts at zero, where A has no gradient.
        let list: Vec<Parameter<T>> = list
            .into_iter()
            .map(|p| Parameter { values: random(&p.name, p.values.len(), 0.2), name: p.name, shape: p.shape })
            .collect();
        let mut model = Model::<T>::build(config.clone(), LONGEST, &mut Random).unwrap();
        let place = Place { device: Device::Cpu, products };
        let mut composed = Composed::build::<T>(config, LONGEST, place, &mut Random).unwrap();
        model.bind(METHOD, &list).unwrap();
        composed.bind(METHOD, &list).unwrap();
        Self { model, composed, list }
    }
}

/// A batch of a random tree, what each of its sequences counts, and in some the teacher's thoughts.
fn drawn(seed: u64, count: usize, soft: bool) -> (Batch, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let sequences = random_sequences(&mut rng, count, LONGEST, 384);
    let mut taught: Vec<Sequence> = sequences
        .into_iter()
        .map(|ids| TokenisedExample { completion: rng.random_range(0..ids.len())..ids.len(), ids })
        .map(|tokens| Sequence::new(tokens, true))
        .collect();
    for sequence in taught.iter_mut().filter(|_| soft) {
        sequence.soft = thoughts(&sequence.tokens, &mut rng);
    }
    let mut batch = Batch::new(&taught.iter().map(|sequence| &sequence.tokens).collect::<Vec<_>>());
    if soft {
        batch.soft = taught.iter().flat_map(Sequence::soft_targets).collect();
    }
    let slopes = taught.iter().map(|_| rng.random_range(-1.0..2.0)).collect();
    (batch, slopes)
}

/// Of about half of the tokens, one to four known ones; sometimes they leave nothing for the others.
fn thoughts(tokens: &TokenisedExample, rng: &mut ChaCha8Rng) -> BTreeMap<usize, Soft> {
    let places: Vec<usize> = tokens.completion.clone().filter(|at| *at > 0 && rng.random_bool(0.5)).collect();
    let mut soft = |at: usize| {
        let known = rng.random_range(1..=4u32);
        let share = if rng.random_bool(0.2) { 1.0 } else { 0.8 } / f64::from(known);
        // The target is among them, or is not.
        let first = if rng.random_bool(0.5) { tokens.ids[at] } else { rng.random_range(0..384) };
        let known = (0..known).map(|n| ((first + n * 90) % 384, share)).collect();
        (at, Soft { weight: rng.random_range(0.1..=1.0), known })
    };
    places.into_iter().map(&mut soft).collect()
}

/// What a batch teaches: the log-probabilities and every gradient.
fn learnt<T: Float>(
    engine: &dyn Engine<T>,
    batch: &Batch,
    slopes: &[f64],
    list: &[Parameter<T>],
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut said = Vec::new();
    let mut judge = |log_probabilities: &[f64]| {
        said = log_probabilities.to_vec();
        slopes.to_vec()
    };
    let gradients = engine.learn(batch, Learning { weight: 0.25, chunk: 5 }, list.len(), &mut judge).unwrap();
    let mut sums: Vec<Vec<T>> = list.iter().map(|parameter| vec![T::default(); parameter.values.len()]).collect();
    gradients.add_to(&mut sums).unwrap();
    (said, sums.iter().map(|sum| sum.iter().map(|value| value.to_f64()).collect()).collect())
}

fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn distance(ours: &[f64], theirs: &[f64]) -> f64 {
    length(&ours.iter().zip(theirs).map(|(a, b)| a - b).collect::<Vec<f64>>())
}

/// The worst relative difference of what is said and of any gradient.
fn difference<T: Float>(two: &Two<T>, batch: &Batch, slopes: &[f64]) -> (f64, f64) {
    let (said, ours) = learnt(&two.composed, batch, slopes, &two.list);
    let (expected, theirs) = learnt(&two.model, batch, slopes, &two.list);
    assert_eq!((said.len(), expected.len()), (batch.rows.len(), batch.rows.len()));
    // A token that sees itself alone pulls at no query: what cancels to nothing is measured by what does not.
    let largest = theirs.iter().map(|one| length(one)).fold(0.0, f64::max);
    let relative = |(ours, theirs): (&Vec<f64>, &Vec<f64>)| {
        distance(ours, theirs) / length(theirs).max(1e-3 * largest).max(f64::MIN_POSITIVE)
    };
    let gradients = ours.iter().zip(&theirs).map(relative).fold(0.0, f64::max);
    assert!(batch.rows.is_empty() || largest > 0.0);
    (distance(&said, &expected) / length(&expected).max(f64::MIN_POSITIVE), gradients)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_and_every_gradient_are_those_of_the_model_on_the_cpu(
        seed in any::<u64>(),
        kv_heads in prop::sample::select(vec![1, 2, 4]),
        count in 1..6usize,
        soft in any::<bool>(),
    ) {
        let (batch, slopes) = drawn(seed, count, soft);
        let two = Two::<f64>::new(kv_heads, DType::F64);
        let (said, gradients) = difference(&two, &batch, &slopes);
        prop_assert!(said <= 1e-9 && gradients <= 1e-9, "{said:.2e}, {gradients:.2e}");
        let (ours, theirs) = (two.composed.score(&batch, 3).unwrap(), two.model.score(&batch, 3).unwrap());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            prop_assert!((ours.loss - theirs.loss).abs() <= 1e-9 * theirs.loss.abs());
            prop_assert_eq!((ours.tokens, ours.exact), (theirs.tokens, theirs.exact));
        }
        prop_assert_eq!(ours.len(), theirs.len());
    }
}

#[test]
fn f32_and_bf16_keep_to_it_as_far_as_they_can() {
    let mut worst = [(0.0f64, 0.0f64); 2];
    let (mut shared, mut beyond) = (0, 0);
    for seed in 0..12 {
        let (batch, slopes) = drawn(seed, 2 + seed as usize % 5, seed % 2 == 1);
        let kv_heads = 1 + seed as usize % 2;
        for (products, worst) in [DType::F32, DType::BF16].into_iter().zip(&mut worst) {
            let found = difference(&Two::<f32>::new(kv_heads, products), &batch, &slopes);
            *worst = (worst.0.max(found.0), worst.1.max(found.1));
        }
        shared += batch.tree.nodes.iter().filter(|node| node.parent.is_some()).count();
        beyond += batch.tree.nodes.iter().filter(|node| node.position > 7).count();
    }
    for (format, (said, gradient)) in ["f32", "bf16"].into_iter().zip(worst) {
        println!("{format}: worst relative difference {said:.1e} of what is said, {gradient:.1e} of a gradient");
    }
    let [f32, bf16] = worst;
    assert!(f32.0 <= 1e-5 && f32.1 <= 1e-5, "f32: {f32:?}");
    assert!(bf16.0 <= 1e-2 && bf16.1 <= 1e-1, "bf16: {bf16:?}");
    assert!(shared > 5 && beyond > 5, "{shared}, {beyond}: the test shows nothing");
}

#[test]
fn where_the_upper_layers_alone_are_trained_they_learn_the_same() {
    let Two { mut composed, list, .. } = Two::<f64>::new(2, DType::F64);
    let (batch, slopes) = drawn(4, 4, false);
    let (said, whole) = learnt(&composed, &batch, &slopes, &list);
    // With factors of zeros the lower layers are the base's.
    let upper = list.len() / 2;
    let lower: Vec<Parameter<f64>> =
        list[..upper].iter().map(|p| Parameter { values: vec![0.0; p.values.len()], ..p.clone() }).collect();
    composed.bind(METHOD, &[&lower[..], &list[upper..]].concat()).unwrap();
    let (zero, theirs) = learnt(&composed, &batch, &slopes, &list);
    assert!(distance(&zero, &said) > 1e-3 && distance(&theirs[upper], &whole[upper]) > 1e-6);
    composed.bind(METHOD, &list[upper..]).unwrap();
    let (frozen, ours) = learnt(&composed, &batch, &slopes, &list[upper..]);
    assert_eq!(frozen, zero);
    assert_eq!(ours, theirs[upper..]);
    let mut kept = batch;
    kept.lower = Some(composed.lower::<f64>(&kept).unwrap());
    let (read, again) = learnt(&composed, &kept, &slopes, &list[upper..]);
    assert!(read == frozen && again == ours, "what is computed before is as good");
    // It is looked at: another state teaches something else.
    kept.lower = Some((kept.lower.unwrap() * 1.5).unwrap());
    assert_ne!(learnt(&composed, &kept, &slopes, &list[upper..]).0, frozen);
}

#[test]
fn what_has_no_place_is_refused() {
    let Two { mut composed, list, .. } = Two::<f64>::new(1, DType::F64);
    let other = Parameter { name: "other".to_owned(), ..list[0].clone() };
    let message = composed.bind(METHOD, &[other]).unwrap_err().to_string();
    assert!(message.contains("1 parameters are given, 0 have a place"), "{message}");
    assert!(composed.bind::<f64>(Method::Full, &[]).is_err());
    let long: Vec<u32> = (0..=LONGEST as u32).collect();
    let example = TokenisedExample { completion: 1..long.len(), ids: long };
    let message = composed.score(&Batch::new(&[&example]), 8).unwrap_err().to_string();
    assert!(message.contains("a sequence of 31 tokens, prepared for 30"), "{message}");
    let strange = TokenisedExample { ids: vec![1, 400], completion: 1..2 };
    assert!(composed.score(&Batch::new(&[&strange]), 8).is_err(), "no such token");
}
