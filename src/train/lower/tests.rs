use gemma::TokenisedExample;
use jobs::TrainingArguments;

use super::*;
use crate::item::Item;
use crate::model::Model;
use crate::objective;
use crate::parameters::{Method, Parameter};
use crate::passes::Passes;
use crate::run::prepare::compute;
use crate::tests::{learner, pool};

/// Sequences of which the first few begin alike and cross the sliding window.
fn items() -> Vec<Item> {
    let common: Vec<u32> = (0..12).map(|at| 20 + at * 7 % 90).collect();
    let mut items = Vec::new();
    for number in 0..7u32 {
        let mut ids = if number < 5 { common.clone() } else { Vec::new() };
        ids.extend((0..4 + number).map(|at| 10 + (at * 31 + number * 17) % 300));
        let completion = ids.len() - 3..ids.len();
        items.push(Item::single(TokenisedExample { ids, completion }, true));
    }
    for (place, item) in items.iter_mut().enumerate() {
        item.sequences[0].kept = Some(place);
    }
    items
}

/// The fixture's learner of which the two upper layers are trained.
fn upper_learner() -> (Model<f32>, Vec<Parameter<f32>>) {
    let (mut model, method, list) = learner::<f32>();
    let Method::LowRank { rank, scale, .. } = method else { panic!("{method:?}") };
    let list = list[list.len() / 2..].to_vec();
    model.bind(Method::LowRank { rank, scale, first: 2 }, &list).unwrap();
    (model, list)
}

/// Every gradient's difference is a small part of it.
fn near(these: &[Vec<f32>], those: &[Vec<f32>]) {
    assert_eq!(these.len(), those.len());
    for (place, (these, those)) in these.iter().zip(those).enumerate() {
        let size: f32 = these.iter().map(|v| v * v).sum::<f32>().sqrt();
        let off: f32 = these.iter().zip(those).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
        assert!(size > 0.0 && off <= size * 1e-5, "parameter {place}: {off} of {size}");
    }
}

#[test]
fn what_is_read_back_gives_the_gradients_of_what_is_computed() {
    let (model, list) = upper_learner();
    let items = items();
    let batch: Vec<&Item> = items.iter().collect();
    let sequences: Vec<&Sequence> = items.iter().flat_map(|item| &item.sequences).collect();
    let dir = tempfile::tempdir().unwrap();
    for (threads, at_once) in [(1, 1), (1, 40), (2, 64), (3, 0)] {
        let arguments =
            TrainingArguments { threads, micro_batch_tokens: Some(at_once), ..TrainingArguments::default() };
        let pool = pool(&arguments);
        let computed = Passes { model: &model, arguments: &arguments, pool: &pool, lower: None };
        let kept = compute(&computed, &sequences, dir.path()).unwrap();
        let all: usize = sequences.iter().map(|sequence| sequence.tokens.ids.len()).sum();
        assert_eq!(kept.tokens, all - 4 * 12, "what five begin with is there once");
        let read = Passes { lower: Some(&kept), ..computed };
        let computed = Passes { lower: None, ..read };
        let sft = objective::of(jobs::Method::Sft, jobs::ObjectiveArguments::default());
        let (one, slopes) = computed.gradients(sft.as_ref(), &batch, 0.0, &list).unwrap();
        let (other, read_slopes) = read.gradients(sft.as_ref(), &batch, 0.0, &list).unwrap();
        assert!((one.loss - other.loss).abs() < 1e-6 * one.loss, "{} and {}", one.loss, other.loss);
        near(&slopes, &read_slopes);
    }
}

#[test]
fn the_upper_layers_gradients_are_those_of_a_run_that_trains_all() {
    let (model, list) = upper_learner();
    let (mut whole, method, mut all) = learner::<f32>();
    // The lower layers as the other has them.
    let lower = all.len() - list.len();
    all.iter_mut().take(lower).for_each(|parameter| parameter.values.fill(0.0));
    whole.bind(method, &all).unwrap();
    let items = items();
    let batch = Batch::new(&items.iter().map(|item| &item.sequences[0].tokens).collect::<Vec<_>>());
    let upper = crate::tests::gradients(&model, &batch, &list).1;
    near(&upper, &crate::tests::gradients(&whole, &batch, &all).1[lower..]);
}

#[test]
fn what_is_not_kept_is_computed() {
    let (model, _) = upper_learner();
    let items = items();
    let sequences: Vec<&Sequence> = items.iter().flat_map(|item| &item.sequences).collect();
    let (arguments, dir) = (TrainingArguments::default(), tempfile::tempdir().unwrap());
    let passes = Passes { model: &model, arguments: &arguments, pool: &pool(&arguments), lower: None };
    let kept = compute(&passes, &sequences, dir.path()).unwrap();
    let foreign = Sequence::new(TokenisedExample { ids: vec![3, 4, 5], completion: 2..3 }, true);
    let batch = Batch::new(&[&foreign.tokens]);
    assert!(kept.read::<f32>(&batch, &[&foreign]).unwrap().is_none());
}

#[test]
fn a_disk_without_room_is_named_with_what_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let error = reserved(dir.path(), usize::MAX >> 2).unwrap_err().to_string();
    for part in [dir.path().to_str().unwrap(), "MB are free, of which a run takes half", "arguments.layers"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn neighbours_are_moved_together() {
    let found = runs([(0, 4), (1, 5), (2, 7), (3, 8), (9, 9)].into_iter());
    let run = |from, to, rows| Run { from, to, rows };
    assert_eq!(found, [run(0, 4, 2), run(2, 7, 2), run(9, 9, 1)]);
}
