//! The whole model against transformers and PEFT (`tests/oracle/tiny_gemma.py`) and against finite
//! differences.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use gemma::{Adapter, Config, Linear, TokenisedExample, Weights};
use jobs::TrainingArguments;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::batch::Batch;
use crate::float::Float;
use crate::model::{Learning, Model};
use crate::parameters::{Method, Parameter};

/// The threads of a run with these arguments.
pub(crate) fn pool(arguments: &TrainingArguments) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(arguments.threads as usize).build().unwrap()
}

pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny_gemma")
}

#[derive(serde::Deserialize)]
struct Expected {
    ids: Vec<Vec<u32>>,
    lengths: Vec<usize>,
    starts: Vec<usize>,
    loss: f64,
}

fn expected() -> Expected {
    serde_json::from_slice(&std::fs::read(golden().join("expected.json")).unwrap()).unwrap()
}

fn expected_tensors() -> std::collections::HashMap<String, Tensor> {
    candle_core::safetensors::load(golden().join("expected.safetensors"), &Device::Cpu).unwrap()
}

pub(crate) fn examples() -> Vec<TokenisedExample> {
    let e = expected();
    let rows = e.ids.iter().zip(e.lengths).zip(e.starts);
    rows.map(|((ids, n), start)| TokenisedExample { ids: ids[..n].to_vec(), completion: start..n }).collect()
}

fn worst(ours: &[Vec<f32>], theirs: &Tensor) -> f32 {
    let theirs = theirs.to_vec2::<f32>().unwrap();
    assert_eq!((ours.len(), ours[0].len()), (theirs.len(), theirs[0].len()));
    ours.iter().flatten().zip(theirs.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_merged_model_gives_the_logits_of_the_base_with_its_adapter() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("merged");
    gemma::merge(&golden(), &golden().join("adapter"), &out, 50_000).unwrap();
    let ids = &expected().ids[0];
    let merged = crate::logits(&out, None, ids).unwrap();
    let apart = crate::logits(&golden(), Some(&fixture_adapter()), ids).unwrap();
    let pairs = merged.iter().flatten().zip(apart.iter().flatten());
    let off = pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
    assert!(off <= 1e-5, "{off}");
    let off = worst(&merged, &expected_tensors()["adapter_logits"]);
    assert!(off <= 1e-5, "{off} from PEFT's");
}

fn fixture_adapter() -> Adapter {
    Adapter::load(&golden().join("adapter"), &Config::load(&golden()).unwrap()).unwrap()
}

/// The fixture model with the fixture's adapter as trained parameters.
pub(crate) fn learner<T: Float>() -> (Model<T>, Method, Vec<Parameter<T>>) {
    let config = Config::load(&golden()).unwrap();
    let adapter = fixture_adapter();
    let mut list = Vec::new();
    for layer in 0..config.num_hidden_layers {
        for linear in Linear::ALL {
            let (out, inn) = linear.shape(&config);
            let pair = &adapter.pairs[&(layer, linear)];
            for (name, shape, values) in [("A", (adapter.rank, inn), &pair.a), ("B", (out, adapter.rank), &pair.b)] {
                let values = values.iter().map(|v| T::from_f64(f64::from(*v))).collect();
                list.push(Parameter { name: linear.lora_name(layer, name), shape, values });
            }
        }
    }
    let method = Method::LowRank { rank: adapter.rank, scale: adapter.scale(), first: 0 };
    let mut model = Model::load(config, &Weights::load(&golden()).unwrap(), 32).unwrap();
    model.bind(method, &list).unwrap();
    (model, method, list)
}

fn how(batch: &Batch) -> Learning {
    // A small chunk, so that the head works in several.
    Learning { weight: 1.0 / batch.targets.len() as f64, chunk: 5 }
}

/// Every sequence counts one.
fn imitation(batch: &Batch) -> impl FnOnce(&[f64]) -> (Vec<f64>, f64) {
    let sequences = batch.sequences();
    move |log_probabilities| (vec![1.0; sequences], -log_probabilities.iter().sum::<f64>())
}

pub(crate) fn gradients<T: Float>(model: &Model<T>, batch: &Batch, list: &[Parameter<T>]) -> (f64, Vec<Vec<T>>) {
    let (loss, gradients) = model.learn(batch, how(batch), list.len(), imitation(batch)).unwrap();
    let mut sums: Vec<Vec<T>> = list.iter().map(|p| vec![T::default(); p.values.len()]).collect();
    gradients.add_to(&mut sums).unwrap();
    (loss / batch.targets.len() as f64, sums)
}

#[test]
fn logits_equal_those_of_transformers_and_peft() {
    let ids = &expected().ids[0];
    let expected = expected_tensors();
    let base = crate::logits(&golden(), None, ids).unwrap();
    let error = worst(&base, &expected["base_logits"]);
    println!("base logits: worst absolute error {error:.2e}");
    assert!(error < 1e-4, "{error}");
    let adapted = crate::logits(&golden(), Some(&fixture_adapter()), ids).unwrap();
    let error = worst(&adapted, &expected["adapter_logits"]);
    println!("adapter logits: worst absolute error {error:.2e}");
    assert!(error < 1e-4, "{error}");
    assert!(worst(&adapted, &expected["base_logits"]) > 1.0, "the adapter moves the logits");
}

#[test]
fn loss_and_every_gradient_equal_those_of_pytorch() {
    let (mut model, _, list) = learner::<f32>();
    let (examples, tensors) = (examples(), expected_tensors());
    let batch = Batch::new(&examples.iter().collect::<Vec<_>>());
    for recompute in [false, true] {
        model.recompute = recompute;
        let (loss, ours) = gradients(&model, &batch, &list);
        assert!((loss - expected().loss).abs() < 1e-5, "{loss}");
        let mut largest = 0.0f64;
        for (parameter, ours) in list.iter().zip(&ours) {
            let theirs = tensors[&format!("grad.{}", parameter.name)].flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let difference: f64 = ours.iter().zip(&theirs).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let size: f64 = theirs.iter().map(|b| f64::from(*b).powi(2)).sum();
            assert!(size > 0.0, "{} has no gradient", parameter.name);
            largest = largest.max((difference / size).sqrt());
        }
        println!("gradients of {} tensors: worst relative error {largest:.2e}", list.len());
        assert!(largest < 1e-4, "{largest}");
    }
}

#[test]
fn every_gradient_equals_finite_differences() {
    let (mut model, method, mut list) = learner::<f64>();
    let examples = examples();
    let batch = Batch::new(&examples.iter().collect::<Vec<_>>());
    let (_, ours) = gradients(&model, &batch, &list);
    let step = 1e-5;
    for i in 0..list.len() {
        // The largest entry: there the comparison is not drowned by rounding.
        let at = (0..ours[i].len()).max_by(|a, b| ours[i][*a].abs().total_cmp(&ours[i][*b].abs())).unwrap();
        assert!(ours[i][at] != 0.0, "{} has no gradient", list[i].name);
        let mut loss_with = |delta: f64| {
            list[i].values[at] += delta;
            model.bind(method, &list).unwrap();
            list[i].values[at] -= delta;
            model.learn(&batch, how(&batch), list.len(), imitation(&batch)).unwrap().0 / batch.targets.len() as f64
        };
        let slope = (loss_with(step) - loss_with(-step)) / (2.0 * step);
        let error = (slope - ours[i][at]).abs() / ours[i][at].abs();
        assert!(error < 1e-3, "{}: {slope} by differences, {} ours", list[i].name, ours[i][at]);
    }
}

#[test]
fn full_training_has_the_gradient_of_finite_differences_too() {
    let config = Config::load(&golden()).unwrap();
    let weights = Weights::load(&golden()).unwrap();
    let mut list: Vec<Parameter<f64>> = Vec::new();
    let mut push = |name: String, shape: (usize, usize)| {
        let values = weights.get(&name).unwrap().data.iter().map(|v| f64::from(*v)).collect();
        list.push(Parameter { name, shape, values });
    };
    for layer in 0..config.num_hidden_layers {
        Linear::ALL.iter().for_each(|l| push(l.weight_name(layer), l.shape(&config)));
    }
    push(gemma::EMBEDDING.to_owned(), (config.vocab_size, config.hidden_size));
    let mut model = Model::<f64>::load(config, &weights, 32).unwrap();
    model.bind(Method::Full, &list).unwrap();
    let examples = examples();
    let batch = Batch::new(&examples.iter().collect::<Vec<_>>());
    let (_, ours) = gradients(&model, &batch, &list);
    for i in [0, 4, 13, list.len() - 1] {
        let at = (0..ours[i].len()).max_by(|a, b| ours[i][*a].abs().total_cmp(&ours[i][*b].abs())).unwrap();
        let mut loss_with = |delta: f64| {
            list[i].values[at] += delta;
            model.bind(Method::Full, &list).unwrap();
            list[i].values[at] -= delta;
            model.learn(&batch, how(&batch), list.len(), imitation(&batch)).unwrap().0 / batch.targets.len() as f64
        };
        let slope = (loss_with(1e-5) - loss_with(-1e-5)) / 2e-5;
        let error = (slope - ours[i][at]).abs() / ours[i][at].abs();
        assert!(error < 1e-3, "{}: {slope} by differences, {} ours", list[i].name, ours[i][at]);
    }
}

#[test]
fn only_completion_tokens_are_learnt() {
    let example = &examples()[0];
    let batch = Batch::new(&[example]);
    assert_eq!(batch.targets, example.ids[example.completion.clone()]);
    let first = example.completion.start as u32 - 1;
    assert_eq!(batch.rows.first(), Some(&first), "the last prompt token predicts the first one of the reply");
    // Other words behind the completion's start change the loss; how the prompt itself would have
    // been predicted does not enter: its targets are not among the batch's.
    let (model, _, list) = learner::<f32>();
    let (loss, _) = gradients(&model, &batch, &list);
    let scores = model.score(&batch, 7).unwrap();
    assert_eq!(scores[0].tokens, example.completion.len());
    assert!((scores[0].loss / scores[0].tokens as f64 - loss).abs() < 1e-6);
    let all = model.logits(&example.ids).unwrap();
    let by_hand: f64 = example
        .completion
        .clone()
        .map(|at| {
            let row: Vec<f64> = all[at - 1].iter().map(|v| f64::from(*v)).collect();
            row.iter().map(|v| v.exp()).sum::<f64>().ln() - row[example.ids[at] as usize]
        })
        .sum();
    assert!((by_hand - scores[0].loss).abs() < 1e-3, "{by_hand} by hand, {} ours", scores[0].loss);
}

#[test]
fn company_changes_nothing() {
    let (model, _, _) = learner::<f32>();
    let examples = examples();
    let together = model.score(&Batch::new(&examples.iter().collect::<Vec<_>>()), 64).unwrap();
    for (example, together) in examples.iter().zip(together) {
        let alone = model.score(&Batch::new(&[example]), 64).unwrap()[0];
        assert!((alone.loss - together.loss).abs() < 1e-4, "{} alone, {} in a batch", alone.loss, together.loss);
    }
}
