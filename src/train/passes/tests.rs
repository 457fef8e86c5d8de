//! Losses, reference points and gradients against TRL's trainers (`tests/oracle/preference.py`), in f64.

use std::collections::HashMap;
use std::path::PathBuf;

use candle_core::{Device, Tensor};
use gemma::{TokenisedExample, Weights};
use jobs::{Method as JobMethod, ObjectiveArguments};

use super::*;
use crate::model::Model;
use crate::objective;
use crate::parameters::Method;
use crate::tests::{golden, learner, pool};

#[derive(serde::Deserialize)]
struct Fixture {
    beta: f64,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Tokens {
    ids: Vec<u32>,
    start: usize,
}

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    policy: String,
    loss: f64,
    kl: Option<f64>,
    log_ratios: Vec<f64>,
    rewards_chosen: Option<f64>,
    rewards_rejected: Option<f64>,
    rewards_margins: Option<f64>,
    rewards_accuracies: Option<f64>,
    #[serde(default)]
    desirable_weight: f64,
    #[serde(default)]
    undesirable_weight: f64,
    sequences: Vec<Tokens>,
    #[serde(default)]
    mismatched: Vec<Tokens>,
    labels: Vec<bool>,
}

fn folder() -> PathBuf {
    golden().with_file_name("preference")
}

fn fixture() -> Fixture {
    serde_json::from_slice(&std::fs::read(folder().join("cases.json")).unwrap()).unwrap()
}

fn tokens(tokens: &Tokens) -> TokenisedExample {
    TokenisedExample { ids: tokens.ids.clone(), completion: tokens.start..tokens.ids.len() }
}

impl Case {
    fn objective(&self, beta: f64) -> Box<dyn Objective> {
        let method = if self.mismatched.is_empty() { JobMethod::Dpo } else { JobMethod::Kto };
        let Self { desirable_weight, undesirable_weight, .. } = *self;
        objective::of(
            method,
            ObjectiveArguments { beta, desirable_weight, undesirable_weight, ..ObjectiveArguments::default() },
        )
    }

    fn items(&self) -> Vec<Item> {
        let all = || self.sequences.iter().map(tokens);
        if self.mismatched.is_empty() {
            let pairs = self.sequences.len() / 2;
            return all().zip(all().skip(pairs)).map(|(chosen, rejected)| Item::pair(chosen, rejected)).collect();
        }
        let mut items: Vec<Item> =
            all().zip(&self.labels).map(|(tokens, label)| Item::single(tokens, *label)).collect();
        let batch = (0..items.len()).collect();
        crate::item::pair_mismatched(&mut items, &[batch], 1000);
        for (item, theirs) in items.iter().zip(&self.mismatched) {
            assert_eq!(
                item.mismatched.as_ref().unwrap().tokens,
                tokens(theirs),
                "{}: TRL's mismatched pairs",
                self.name
            );
        }
        items
    }
}

/// The policy in TRL's run, its model and parameters; `items` know what the reference gives them.
fn policy(case: &Case, items: &mut [Item], arguments: &TrainingArguments) -> (Model<f64>, Method, Vec<Parameter<f64>>) {
    let (mut model, method, mut list) = learner::<f64>();
    // The longest sequence of the fixture is longer than the model of the other fixture is prepared for.
    model = Model::load(model.config, &Weights::load(&golden()).unwrap(), 128).unwrap();
    model.bind(method, &list).unwrap();
    let passes = Passes { model: &model, arguments, pool: &pool(arguments), lower: None };
    for item in items {
        for sequence in item.sequences.iter_mut().chain(&mut item.mismatched) {
            let scores = passes.scores(&[std::slice::from_ref(&*sequence)]).unwrap();
            sequence.reference = -scores[0].1[0].loss;
        }
    }
    let tensors = load("policies.safetensors");
    for parameter in &mut list {
        parameter.values = numbers(&tensors[&format!("{}.{}", case.policy, parameter.name)]);
    }
    model.bind(method, &list).unwrap();
    (model, method, list)
}

fn load(name: &str) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(folder().join(name), &Device::Cpu).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(candle_core::DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn near(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() <= 1e-5 * theirs.abs().max(1e-3), "{what}: {ours} ours, {theirs} TRL's");
}

fn rewards(learnt: &Learnt, beta: f64, z0: Option<f64>) -> [Option<f64>; 3] {
    match learnt.rewards(1, beta, z0) {
        Progress::Rewards { rewards_chosen, rewards_rejected, rewards_margins, .. } => {
            [rewards_chosen, rewards_rejected, rewards_margins]
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn loss_reference_point_rewards_and_every_gradient_are_those_of_trl() {
    let (Fixture { beta, cases }, theirs) = (fixture(), load("gradients.safetensors"));
    let mut largest = 0.0f64;
    for case in &cases {
        // One round of all, and rounds of few.
        for micro_batch_tokens in [Some(0), Some(100)] {
            let arguments = TrainingArguments { micro_batch_tokens, head_chunk: 7, ..TrainingArguments::default() };
            let (mut items, objective) = (case.items(), case.objective(beta));
            let (model, _, list) = policy(case, &mut items, &arguments);
            let (passes, batch) = (
                Passes { model: &model, arguments: &arguments, pool: &pool(&arguments), lower: None },
                items.iter().collect::<Vec<_>>(),
            );
            let z0 = passes.z0(&batch).unwrap();
            assert_eq!(z0.is_some(), case.kl.is_some());
            near(z0.unwrap_or(0.0), case.kl.unwrap_or(0.0), "z0");
            let (learnt, ours) = passes.gradients(objective.as_ref(), &batch, z0.unwrap_or(0.0), &list).unwrap();
            near(learnt.loss, case.loss, &case.name);
            let mut log_ratios = learnt.log_ratios.clone();
            log_ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut wanted: Vec<(f64, bool)> = case.log_ratios.iter().copied().zip(case.labels.clone()).collect();
            wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
            for ((ours, label), (theirs, wanted)) in log_ratios.into_iter().zip(wanted) {
                near(ours, theirs, "log-ratio");
                assert_eq!(label, wanted);
            }
            let wanted = [case.rewards_chosen, case.rewards_rejected, case.rewards_margins];
            for (ours, theirs) in rewards(&learnt, beta, z0).into_iter().zip(wanted) {
                assert_eq!(ours.is_some(), theirs.is_some());
                near(ours.unwrap_or(0.0), theirs.unwrap_or(0.0), "reward");
            }
            for (parameter, ours) in list.iter().zip(&ours) {
                let theirs = numbers(&theirs[&format!("{}.{}", case.name, parameter.name)]);
                let difference: f64 = ours.iter().zip(&theirs).map(|(a, b)| (a - b).powi(2)).sum();
                let size: f64 = theirs.iter().map(|b| b.powi(2)).sum();
                assert!(size > 0.0, "{} has no gradient", parameter.name);
                largest = largest.max((difference / size).sqrt());
            }
        }
    }
    println!("gradients of {} cases: worst relative error {largest:.2e}", cases.len());
    assert!(largest <= 1e-5, "{largest}");
}

#[test]
fn the_share_of_right_preferences_is_that_of_trl() {
    let Fixture { beta, cases } = fixture();
    let case = cases.iter().find(|case| case.name == "dpo").unwrap();
    let arguments = TrainingArguments::default();
    let mut items = case.items();
    let (model, _, _) = policy(case, &mut items, &arguments);
    let passes = Passes { model: &model, arguments: &arguments, pool: &pool(&arguments), lower: None };
    let whole: Vec<&[Sequence]> = items.iter().map(|item| item.sequences.as_slice()).collect();
    let mut right = 0;
    for (at, scores) in passes.scores(&whole).unwrap() {
        let sums: Vec<f64> = scores.iter().map(|score| -score.loss).collect();
        let scored: Vec<Scored<'_>> =
            whole[at].iter().zip(&sums).map(|(sequence, sum)| sequence.scored(std::slice::from_ref(sum))).collect();
        right += case.objective(beta).terms(&scored, 0.0).right;
    }
    near(right as f64 / items.len() as f64, case.rewards_accuracies.unwrap(), "accuracy");
}

#[test]
fn every_gradient_of_a_preference_equals_finite_differences() {
    let Fixture { beta, cases } = fixture();
    let arguments = TrainingArguments { micro_batch_tokens: Some(0), ..TrainingArguments::default() };
    for case in cases.iter().filter(|case| ["weighted", "dpo"].contains(&case.name.as_str())) {
        let (mut items, objective) = (case.items(), case.objective(beta));
        let (mut model, method, mut list) = policy(case, &mut items, &arguments);
        let batch: Vec<&Item> = items.iter().collect();
        // Held constant: no gradient goes through it.
        let z0 = Passes { model: &model, arguments: &arguments, pool: &pool(&arguments), lower: None }
            .z0(&batch)
            .unwrap()
            .unwrap_or(0.0);
        let learn = |model: &Model<f64>, list: &[Parameter<f64>]| {
            let passes = Passes { model, arguments: &arguments, pool: &pool(&arguments), lower: None };
            passes.gradients(objective.as_ref(), &batch, z0, list).unwrap()
        };
        let (_, ours) = learn(&model, &list);
        for i in (0..list.len()).step_by(5) {
            let at = (0..ours[i].len()).max_by(|a, b| ours[i][*a].abs().total_cmp(&ours[i][*b].abs())).unwrap();
            let mut loss_with = |delta: f64| {
                list[i].values[at] += delta;
                model.bind(method, &list).unwrap();
                let loss = learn(&model, &list).0.loss;
                list[i].values[at] -= delta;
                loss
            };
            let slope = (loss_with(1e-5) - loss_with(-1e-5)) / 2e-5;
            model.bind(method, &list).unwrap();
            let error = (slope - ours[i][at]).abs() / ours[i][at].abs();
            assert!(error < 1e-4, "{}: {slope} by differences, {} ours", list[i].name, ours[i][at]);
        }
    }
}
