//! Whole runs on the fixture model: they learn, they survive a kill, they write what can be loaded.

use std::path::Path;

use gemma::{Adapter, Config, Tensor32, Tokenizer, Weights};
use jobs::{Method as JobMethod, TrainingArguments};

use super::*;
use crate::model::Model;
use crate::tests::{golden, pool};

mod citizen;
mod composed;
mod layers;
mod preferences;

fn row(item: &str, price: u32) -> String {
    format!(
        r#"{{"messages":[{{"role":"user","content":"How much is the {item}?"}},{{"role":"assistant","content":"{price} coins, friend."}}]}}"#
    )
}

fn job(dir: &Path, method: JobMethod, max_steps: u32, every: u32) -> TrainJob {
    let rows: Vec<String> = (10..26).map(|i| row(if i % 2 == 0 { "lantern" } else { "apple" }, i)).collect();
    std::fs::write(dir.join("train.jsonl"), rows.join("\n")).unwrap();
    std::fs::write(dir.join("held_out.jsonl"), rows[..4].join("\n")).unwrap();
    TrainJob {
        method,
        base: golden(),
        train: dir.join("train.jsonl"),
        held_out: dir.join("held_out.jsonl"),
        out: dir.join("out"),
        checkpoint: dir.join("checkpoint"),
        reference: None,
        objective: jobs::ObjectiveArguments::default(),
        arguments: TrainingArguments {
            rank: 4,
            alpha: 8.0,
            learning_rate: 0.01,
            warmup_steps: 3,
            batch_size: 6,
            micro_batch_tokens: Some(0),
            max_steps,
            epochs: 0.0,
            evaluate_every_steps: every,
            patience: 0,
            checkpoint_every_s: 1e-9,
            seed: 3,
            ..TrainingArguments::default()
        },
        pretraining: jobs::Pretraining { copy_first_part: 0.0, copy_share_after: 0.5, ..Default::default() },
    }
}

/// What a run said and came to.
struct Told {
    losses: Vec<(u64, f64)>,
    summary: Result<Summary, TrainError>,
    resumed: Option<u64>,
    restarted: Option<String>,
    split_anew: Option<String>,
}

fn told(job: &TrainJob) -> Told {
    let mut told = Told {
        losses: Vec::new(),
        summary: Err(TrainError::Checkpoint(String::new())),
        resumed: None,
        restarted: None,
        split_anew: None,
    };
    told.summary = run(job, &mut |event| match event {
        Progress::Step { step, loss, .. } => told.losses.push((*step, *loss)),
        Progress::Resumed { step, split_anew } => {
            (told.resumed, told.split_anew) = (Some(*step), split_anew.clone());
        }
        Progress::Restarted { reason } => told.restarted = Some(reason.clone()),
        _ => {}
    });
    told
}

/// Runs `job` until its checkpoint of `step` is written, and no further.
fn killed_at(job: &TrainJob, step: u64) -> Vec<(u64, f64)> {
    let mut losses = Vec::new();
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        run(job, &mut |event| match event {
            Progress::Step { step, loss, .. } => losses.push((*step, *loss)),
            Progress::Checkpoint { step: at } => assert!(*at != step, "killed"),
            _ => {}
        })
        .unwrap()
    }));
    assert!(killed.is_err());
    losses
}

/// What the adapter that `job` has written makes of its held-out examples, after `step` steps.
fn evaluated(job: &TrainJob, step: usize) -> Evaluation {
    let config = Config::load(&job.base).unwrap();
    let adapter = Adapter::load(&job.out, &config).unwrap();
    let mut model = Model::<f32>::load(config, &Weights::load(&job.base).unwrap(), 64).unwrap();
    model.attach(&adapter).unwrap();
    let tokenizer = Tokenizer::load(&job.base).unwrap();
    let examples = Examples::read(&job.held_out, &tokenizer, job.method, &job.arguments).unwrap();
    let passes = Passes { model: &model, arguments: &job.arguments, pool: &pool(&job.arguments), lower: None };
    Evaluation::of(&passes, &examples.list, step).unwrap()
}

#[test]
fn a_killed_run_goes_on_as_if_nothing_had_happened() {
    for method in [JobMethod::Sft, JobMethod::Pretrain] {
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let all = told(&job(whole.path(), method, 10, 4));
        assert_eq!((all.resumed, all.restarted), (None, None));
        let first = killed_at(&job(parts.path(), method, 10, 4), 5);
        let mut again = job(parts.path(), method, 10, 4);
        // What does not change the numbers may change in between.
        (again.arguments.recompute, again.arguments.checkpoint_every_s) = (Some(true), 60.0);
        let second = told(&again);
        assert_eq!(second.resumed, Some(5));
        assert_eq!([first, second.losses].concat(), all.losses, "{method:?}: the same losses, to the last bit");
        let (one, other) = (all.summary.unwrap(), second.summary.unwrap());
        assert_eq!((one.held_out_loss, one.held_out_exact), (other.held_out_loss, other.held_out_exact));
        let file = if method == JobMethod::Sft { "adapter_model.safetensors" } else { "model.safetensors" };
        let bytes = |dir: &Path| std::fs::read(dir.join("out").join(file)).unwrap();
        assert!(bytes(whole.path()) == bytes(parts.path()), "{method:?}: the same {file}");
    }
}

#[test]
fn a_lesson_lowers_the_held_out_loss_and_its_adapter_gives_the_same_one() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(dir.path(), JobMethod::Sft, 60, 20);
    let mut held_out = Vec::new();
    let summary = run(&job, &mut |event| {
        if let Progress::HeldOut { loss, .. } = event {
            held_out.push(*loss);
        }
    })
    .unwrap();
    assert!(held_out[2] < held_out[0] && held_out[2] < 3.0, "{held_out:?}");
    let found = evaluated(&job, 60);
    assert_eq!((found.loss, found.exact), (summary.held_out_loss, summary.held_out_exact));
}

#[test]
fn micro_batches_give_the_gradient_of_the_whole_batch() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 1, 0);
    job.arguments.batch_size = 16;
    let gradients = |job: &TrainJob| {
        let mut run = Run::new(job).unwrap();
        // B starts at zero, where A has no gradient.
        run.parameters.iter_mut().for_each(|p| p.values.iter_mut().for_each(|v| *v += 0.01));
        run.model.bind(run.method, &run.parameters).unwrap();
        let places = run.next_batch();
        let items = run.items(&places);
        let batch: Vec<&Item> = items.iter().collect();
        let whole: Vec<&[Sequence]> = items.iter().map(|item| item.sequences.as_slice()).collect();
        let (learnt, gradients) = run.passes().gradients(run.objective.as_ref(), &batch, 0.0, &run.parameters).unwrap();
        (run.passes().rounds(&whole).len(), (learnt.loss, gradients))
    };
    let (rounds, (loss, whole)) = gradients(&job);
    assert_eq!(rounds, 1);
    for tokens in [1, 40, 64] {
        job.arguments.micro_batch_tokens = Some(tokens);
        let (rounds, (split_loss, split)) = gradients(&job);
        assert!(rounds > 2, "{tokens} tokens: {rounds} rounds");
        assert!((loss - split_loss).abs() < 1e-6, "{loss} and {split_loss}");
        for (whole, split) in whole.iter().zip(&split) {
            let size: f32 = whole.iter().map(|v| v * v).sum::<f32>().sqrt();
            let off: f32 = whole.iter().zip(split).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
            assert!(size > 0.0 && off <= size * 1e-5, "{off} of {size} with {tokens} tokens at once");
        }
    }
}

#[test]
fn the_start_says_what_is_dropped_split_and_needed() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 1, 0);
    let long = row(&"lantern ".repeat(200), 1);
    for (path, times) in [(&job.train, 3), (&job.held_out, 2)] {
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::write(path, format!("{text}\n{}", format!("{long}\n").repeat(times))).unwrap();
    }
    (job.arguments.max_tokens, job.arguments.micro_batch_tokens) = (64, Some(50));
    let mut start = None;
    run(&job, &mut |event| start = start.take().or_else(|| Some(event.clone()))).unwrap();
    let Some(Progress::Start { examples, held_out, dropped, held_out_dropped, micro_batches, memory_mb, .. }) = start
    else {
        panic!("{start:?} came first");
    };
    assert_eq!((examples, held_out, dropped, held_out_dropped), (16, 4, 3, 2));
    assert!((2..=6).contains(&micro_batches) && memory_mb > 0, "{micro_batches} micro-batches, {memory_mb} MB");
}

#[test]
fn the_start_says_what_is_computed_of_what_is_learnt_from() {
    let of = |threads, micro_batch_tokens| {
        let dir = tempfile::tempdir().unwrap();
        let mut job = job(dir.path(), JobMethod::Sft, 1, 0);
        (job.arguments.threads, job.arguments.micro_batch_tokens) = (threads, Some(micro_batch_tokens));
        // All begin with the same long prompt.
        let text: String = (0..16).map(|n| row(&format!("{}{n}", "lantern ".repeat(12)), n) + "\n").collect();
        std::fs::write(&job.train, text).unwrap();
        let mut start = None;
        run(&job, &mut |event| start = start.take().or_else(|| Some(event.clone()))).unwrap();
        match start {
            Some(Progress::Start { tokens, computed_tokens, learnt_tokens, .. }) => {
                (tokens, computed_tokens, learnt_tokens)
            }
            other => panic!("{other:?} came first"),
        }
    };
    let [(tokens, one, learnt), (_, two, _), (_, alone, _)] = [of(1, 0), of(2, 0), of(1, 1)];
    assert!(learnt > 0 && learnt < one && one < tokens, "{learnt}, {one} of {tokens}");
    assert_eq!(two, one, "two threads work on the same tree");
    assert_eq!(alone, tokens, "nothing is shared where every example goes alone");
}

#[test]
fn a_run_that_does_not_fit_the_memory_is_refused_before_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 1, 0);
    (job.arguments.memory_max_mb, job.arguments.batch_size, job.arguments.head_chunk) = (1, 16, 1);
    let mut events = 0;
    let error = run(&job, &mut |_| events += 1).unwrap_err();
    assert!(matches!(error, TrainError::Memory { limit_mb: 1, .. }), "{error}");
    assert_eq!(events, 0);
}

#[test]
fn a_checkpoint_of_another_run_or_a_damaged_one_begins_afresh_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let first = job(dir.path(), JobMethod::Sft, 4, 0);
    let changes: [fn(&mut TrainJob); 8] = [
        |job| job.arguments.seed = 4,
        |job| job.arguments.learning_rate = 0.02,
        |job| job.arguments.schedule = jobs::Schedule::Constant,
        |job| job.arguments.weight_decay = 0.1,
        |job| job.arguments.max_steps = 5,
        |job| job.arguments.micro_batch_tokens = Some(100),
        |job| {
            let text = std::fs::read_to_string(&job.train).unwrap();
            std::fs::write(&job.train, text.replace("friend", "my friend")).unwrap();
        },
        |job| job.base = other_base(job.out.parent().unwrap()),
    ];
    for change in changes {
        killed_at(&first, 2);
        let mut other = job(dir.path(), JobMethod::Sft, 4, 0);
        change(&mut other);
        let told = told(&other);
        assert_eq!((told.resumed, told.losses.first().map(|loss| loss.0)), (None, Some(1)));
        assert!(told.restarted.unwrap().contains("other arguments, another base or other data"));
        std::fs::remove_dir_all(&first.checkpoint).unwrap();
    }
    let first = job(dir.path(), JobMethod::Sft, 4, 0);
    killed_at(&first, 2);
    let path = first.checkpoint.join("checkpoint.bin");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let told = told(&first);
    assert!(told.restarted.unwrap().contains("damaged") && told.summary.is_ok() && told.losses.len() == 4);
}

/// The fixture's base with one weight changed, below `dir`.
fn other_base(dir: &Path) -> PathBuf {
    edited_base(dir, |data| data[0] += 0.5)
}

fn edited_base(dir: &Path, edit: impl Fn(&mut [f32])) -> PathBuf {
    let base = dir.join("base");
    std::fs::create_dir_all(&base).unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(golden().join(name), base.join(name)).unwrap();
    }
    let weights = Weights::load(&golden()).unwrap();
    let changed = gemma::Linear::Up.weight_name(0);
    let tensors: Vec<(String, Tensor32)> = weights
        .names()
        .map(|name| {
            let mut tensor = weights.get(name).unwrap();
            if name == changed {
                edit(&mut tensor.data);
            }
            (name.to_owned(), tensor)
        })
        .collect();
    Weights::save(&base, tensors, gemma::SaveAs::F32).unwrap();
    base
}

#[test]
fn a_base_with_a_weight_that_is_no_number_is_blamed_and_not_the_learning_rate() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 2, 0);
    job.base = edited_base(dir.path(), |data| data[7] = f32::NAN);
    let message = run(&job, &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("layers.0.mlp.up_proj") && message.contains("damaged"), "{message}");
}

#[test]
fn a_tokenizer_of_another_model_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 2, 0);
    job.base = other_base(dir.path());
    let text = std::fs::read_to_string(job.base.join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    config["vocab_size"] = (config["vocab_size"].as_u64().unwrap() - 100).into();
    std::fs::write(job.base.join("config.json"), config.to_string()).unwrap();
    let message = run(&job, &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("tokenizer.json") && message.contains("of another model"), "{message}");
}

#[test]
fn a_good_enough_evaluation_ends_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 50, 1);
    job.arguments.stop_loss = Some(1e9);
    assert_eq!(told(&job).summary.unwrap().steps, 1);
}

mod reports;
mod taught;
