//! Job files: defaults, relative paths, refusals.

use super::*;

const JOB: &str = r#"
method = "sft"
base = "models/practice"
train = "train.jsonl"
held_out = "held_out.jsonl"
out = "/adapters/x"
checkpoint = "checkpoint"
[optim]
learning_rate = 1e-3
batch_size = 16
max_steps = 100
"#;

fn load(text: &str) -> Result<Job, TrainError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("job.toml");
    std::fs::write(&path, text).unwrap();
    let mut job = Job::load(&path)?;
    job.train = job.train.strip_prefix(dir.path()).unwrap().to_path_buf();
    Ok(job)
}

#[test]
fn paths_are_relative_to_the_file_and_the_rest_has_defaults() {
    let job = load(JOB).unwrap();
    assert_eq!(job.train, Path::new("train.jsonl"));
    assert_eq!(job.out, Path::new("/adapters/x"));
    assert_eq!((job.lora.rank, job.lora.alpha, job.threads), (16, 32.0, 1));
}

#[test]
fn unknown_keys_and_impossible_values_are_named() {
    let says = |text: &str| load(text).unwrap_err().to_string();
    assert!(says(&format!("{JOB}learning_rat = 1")).contains("learning_rat"));
    assert!(says(&JOB.replace("1e-3", "0.0")).contains("optim.learning_rate"));
    assert!(says(&JOB.replace("batch_size = 16", "batch_size = 0")).contains("optim.batch_size"));
    assert!(says(&JOB.replace("\"sft\"", "\"rlhf\"")).contains("rlhf"));
}

#[test]
fn rates_warm_up_and_fall_as_told() {
    let job =
        load(&JOB.replace("max_steps = 100", "max_steps = 100\nwarmup_steps = 10\nschedule = \"cosine\"")).unwrap();
    assert!((job.rate_factor(0, 100) - 0.1).abs() < 1e-9);
    assert!((job.rate_factor(50, 100) - 0.5).abs() < 1e-9);
    assert!(job.rate_factor(99, 100) < 0.001);
    assert_eq!(load(JOB).unwrap().rate_factor(99, 100), 1.0);
}

#[test]
fn epochs_can_end_a_run_before_its_steps_do() {
    let job = load(&JOB.replace("max_steps = 100", "max_steps = 100\nepochs = 2.5")).unwrap();
    assert_eq!(job.steps(10), 25);
    assert_eq!(job.steps(1000), 100);
}
