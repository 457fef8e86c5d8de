//! Job files, the learning rate's course, the end of a run.

use super::*;

#[test]
fn a_job_file_is_read_with_its_folder_and_its_mistakes_are_named_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("job.toml");
    let text = "method = \"sft\"\nbase = \"b\"\ntrain = \"t\"\nheld_out = \"h\"\nout = \"/o\"\ncheckpoint = \"c\"\n";
    std::fs::write(&path, text).unwrap();
    let job = load_job(&path).unwrap();
    assert_eq!((job.train, job.out.as_path()), (dir.path().join("t"), Path::new("/o")));
    std::fs::write(&path, format!("{text}[arguments]\nthreads = 0\n")).unwrap();
    let message = load_job(&path).unwrap_err().to_string();
    assert!(message.contains("job.toml") && message.contains("threads = 0"), "{message}");
    let message = load_job(&dir.path().join("none.toml")).unwrap_err().to_string();
    assert!(message.contains("none.toml"), "{message}");
}

#[test]
fn rates_warm_up_and_fall_as_told() {
    let mut arguments =
        TrainingArguments { warmup_steps: 10, schedule: Schedule::Constant, ..TrainingArguments::default() };
    assert_eq!(rate_factor(&arguments, 99, 100), 1.0);
    arguments.schedule = Schedule::Cosine;
    assert!((rate_factor(&arguments, 0, 100) - 0.1).abs() < 1e-9);
    assert!((rate_factor(&arguments, 50, 100) - 0.5).abs() < 1e-9);
    assert!(rate_factor(&arguments, 99, 100) < 0.001);
}

#[test]
fn epochs_can_end_a_run_before_its_steps_do() {
    let arguments = TrainingArguments { max_steps: 100, epochs: 2.5, ..TrainingArguments::default() };
    assert_eq!((step_count(&arguments, 10), step_count(&arguments, 1000)), (25, 100));
    assert_eq!(step_count(&TrainingArguments { epochs: 0.0, ..arguments }, 10), 100);
}
