//! Whole runs on the fixture model: they learn, they survive a kill, they write what can be loaded.

use std::path::Path;

use gemma::Adapter;

use super::*;
use crate::tests::golden;

fn row(item: &str, price: u32) -> String {
    format!(
        r#"{{"messages":[{{"role":"user","content":"How much is the {item}?"}},{{"role":"assistant","content":"{price} coins, friend."}}]}}"#
    )
}

fn job(dir: &Path, method: &str, max_steps: usize, every: usize) -> Job {
    let rows: Vec<String> = (10..26).map(|i| row(if i % 2 == 0 { "lantern" } else { "apple" }, i)).collect();
    std::fs::write(dir.join("train.jsonl"), rows.join("\n")).unwrap();
    std::fs::write(dir.join("held_out.jsonl"), rows[..4].join("\n")).unwrap();
    let text = format!(
        r#"
method = "{method}"
base = "{}"
train = "train.jsonl"
held_out = "held_out.jsonl"
out = "out"
checkpoint = "checkpoint"
seed = 3
threads = 2
checkpoint_every_s = 0.0
[lora]
rank = 4
alpha = 8
[optim]
learning_rate = 0.01
batch_size = 6
max_steps = {max_steps}
warmup_steps = 3
[evaluate]
every_steps = {every}
[pretrain]
copy_first_part = 0.0
copy_share_after = 0.5
"#,
        std::fs::canonicalize(golden()).unwrap().display()
    );
    std::fs::write(dir.join("job.toml"), text).unwrap();
    Job::load(&dir.join("job.toml")).unwrap()
}

fn losses(job: &Job) -> (Vec<(usize, f64)>, Summary, bool) {
    let (mut losses, mut resumed) = (Vec::new(), false);
    let summary = run(job, &mut |event| match event {
        Progress::Step { step, loss, .. } => losses.push((*step, *loss)),
        Progress::Resumed { .. } => resumed = true,
        _ => {}
    })
    .unwrap();
    (losses, summary, resumed)
}

#[test]
fn a_killed_run_goes_on_as_if_nothing_had_happened() {
    for method in ["sft", "pretrain"] {
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (all, summary, _) = losses(&job(whole.path(), method, 10, 4));
        let (first, _, resumed) = losses(&job(parts.path(), method, 5, 4));
        assert!(!resumed);
        let (second, again, resumed) = losses(&job(parts.path(), method, 10, 4));
        assert!(resumed);
        assert_eq!([first, second].concat(), all, "{method}: the same losses, to the last bit");
        assert_eq!((again.held_out_loss, again.held_out_exact), (summary.held_out_loss, summary.held_out_exact));
        let file = if method == "sft" { "adapter_model.safetensors" } else { "model.safetensors" };
        let bytes = |dir: &Path| std::fs::read(dir.join("out").join(file)).unwrap();
        assert!(bytes(whole.path()) == bytes(parts.path()), "{method}: the same {file}");
    }
}

#[test]
fn a_lesson_lowers_the_held_out_loss_and_its_adapter_gives_the_same_one() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(dir.path(), "sft", 60, 20);
    let mut held_out = Vec::new();
    let summary = run(&job, &mut |event| {
        if let Progress::HeldOut { loss, .. } = event {
            held_out.push(*loss);
        }
    })
    .unwrap();
    assert!(held_out[2] < held_out[0] && held_out[2] < 3.0, "{held_out:?}");
    let config = Config::load(&job.base).unwrap();
    let adapter = Adapter::load(&summary.adapter, &config).unwrap();
    let mut model = Model::<f32>::load(config, &Weights::load(&job.base).unwrap(), 64).unwrap();
    model.attach(&adapter).unwrap();
    let (examples, _) = read(&job.held_out, &Tokenizer::load(&job.base).unwrap(), 64).unwrap();
    let (loss, exact) = evaluate(&model, &examples, 0, &job).unwrap();
    assert_eq!((loss, exact), (summary.held_out_loss, summary.held_out_exact));
}

#[test]
fn a_checkpoint_of_another_job_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    losses(&job(dir.path(), "sft", 2, 0));
    let mut other = job(dir.path(), "sft", 4, 0);
    other.seed = 4;
    let error = run(&other, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("seed 3") && error.contains("remove the folder"), "{error}");
}

#[test]
fn a_good_enough_look_ends_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), "sft", 50, 1);
    job.evaluate.stop_loss = Some(1e9);
    assert_eq!(losses(&job).1.steps, 1);
}

#[test]
fn progress_lines_are_json_objects_with_an_event() {
    let line = serde_json::to_string(&Progress::HeldOut { step: 3, loss: 0.5, exact: 0.25 }).unwrap();
    assert_eq!(line, r#"{"event":"held_out","step":3,"loss":0.5,"exact":0.25}"#);
}
