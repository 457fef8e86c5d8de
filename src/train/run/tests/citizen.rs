//! A run beside others: it keeps to its pieces, ends when it is asked to, and takes no harm from a full disk or bad data.

use super::*;
use crate::plan::Split;

/// A job with long examples that says nothing of its memory but how much there is.
fn within(dir: &Path, memory_max_mb: u64) -> TrainJob {
    let mut job = job(dir, JobMethod::Sft, 8, 3);
    let rows: Vec<String> = (10..26).map(|i| row(&"lantern ".repeat(60 + i as usize % 5), i)).collect();
    std::fs::write(&job.train, rows.join("\n")).unwrap();
    let arguments = &mut job.arguments;
    (arguments.micro_batch_tokens, arguments.memory_max_mb, arguments.head_chunk) = (None, memory_max_mb, 1);
    job
}

fn split(job: &TrainJob) -> Option<Split> {
    Run::new(job).ok().map(|run| run.split)
}

#[test]
fn a_resumed_run_keeps_the_pieces_it_began_with_whatever_memory_there_is_now() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let least = (1..).find(|mb| split(&within(whole.path(), *mb)).is_some()).unwrap();
    let (small, large) = (split(&within(whole.path(), least)).unwrap(), split(&within(whole.path(), 100_000)).unwrap());
    assert!(small.budget < large.budget && small.recompute && !large.recompute, "{small:?} {large:?}");

    let all = told(&within(whole.path(), least));
    let first = killed_at(&within(parts.path(), least), 4);
    let again = within(parts.path(), 100_000);
    assert_eq!(split(&again).map(|split| (split.budget, split.recompute)), Some((small.budget, false)));
    let second = told(&again);
    assert_eq!((second.resumed, second.split_anew), (Some(4), None));
    assert_eq!([first, second.losses].concat(), all.losses, "the same losses, to the last bit");
    let bytes = |dir: &Path| std::fs::read(dir.join("out/adapter_model.safetensors")).unwrap();
    assert!(bytes(whole.path()) == bytes(parts.path()));

    // With too little for the pieces it began with it goes on in smaller ones, and says so.
    let less = tempfile::tempdir().unwrap();
    killed_at(&within(less.path(), 100_000), 4);
    let told = told(&within(less.path(), least));
    assert_eq!(told.resumed, Some(4));
    let why = told.split_anew.unwrap();
    assert!(why.contains("4096 tokens at once") && why.ends_with(&format!("with {}", small.budget)), "{why}");
    assert_eq!(told.summary.unwrap().steps, 8);
}

#[test]
fn a_run_that_is_asked_to_stop_finishes_its_step_and_goes_on_from_there_as_if_nothing_had_happened() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let all = told(&job(whole.path(), JobMethod::Sft, 10, 4));
    let mut once = job(parts.path(), JobMethod::Sft, 10, 4);
    // No checkpoint but the one for which it is asked, in the step that ends with a look at the held-out examples.
    once.arguments.checkpoint_every_s = 1e9;
    let (stop, mut losses, mut saved) = (AtomicBool::new(false), Vec::new(), Vec::new());
    let ended = run_until(&once, &stop, &mut |event| match event {
        Progress::Step { step, loss, .. } => {
            losses.push((*step, *loss));
            stop.store(*step == 4, Ordering::Relaxed);
        }
        Progress::Checkpoint { step } => saved.push(*step),
        _ => {}
    });
    assert!(matches!(ended, Err(TrainError::Interrupted { step: 4 })), "{ended:?}");
    assert_eq!(saved, [4]);
    assert!(!once.out.try_exists().unwrap(), "what is not finished is not handed out");
    let rest = told(&once);
    assert_eq!((rest.resumed, [losses, rest.losses].concat()), (Some(4), all.losses));
    let bytes = |dir: &Path| std::fs::read(dir.join("out/adapter_model.safetensors")).unwrap();
    assert!(bytes(whole.path()) == bytes(parts.path()));
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_said_once_and_costs_the_run_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(dir.path(), JobMethod::Sft, 6, 0);
    let (mut failed, mut saved) = (Vec::new(), Vec::new());
    let summary = run(&job, &mut |event| match event {
        Progress::Step { step: 1, .. } => std::fs::write(&job.checkpoint, "in the way").unwrap(),
        Progress::Step { step: 4, .. } => std::fs::remove_file(&job.checkpoint).unwrap(),
        Progress::CheckpointFailed { step, error } => failed.push((*step, error.clone())),
        Progress::Checkpoint { step } => saved.push(*step),
        _ => {}
    });
    assert_eq!(summary.unwrap().steps, 6);
    assert!(matches!(failed.as_slice(), [(1, error)] if error.contains("checkpoint")), "{failed:?}");
    assert_eq!(saved, [4, 5, 6], "as soon as it can be written again, it is");
}

/// Runs a job that comes apart; its error and the steps of its checkpoints.
fn comes_apart(job: &TrainJob) -> (usize, String, Vec<u64>) {
    let mut saved = Vec::new();
    let error = run(job, &mut |event| {
        if let Progress::Checkpoint { step } = event {
            saved.push(*step);
        }
    })
    .unwrap_err();
    let TrainError::Diverged { step, .. } = &error else { panic!("{error}") };
    (*step, error.to_string(), saved)
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_with_its_step_and_its_examples_and_keeps_the_last_good_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 40, 0);
    // A blank line first: lines are counted as an editor counts them.
    let text = std::fs::read_to_string(&job.train).unwrap();
    std::fs::write(&job.train, format!("\n{text}")).unwrap();
    (job.arguments.learning_rate, job.arguments.clip_norm, job.arguments.warmup_steps) = (1e30, 0.0, 3);
    let (step, message, saved) = comes_apart(&job);
    let mut run = Run::new(&job).unwrap();
    run.state.step = step - 1;
    let places = run.next_batch();
    let mut lines: Vec<usize> = places.iter().map(|at| at + 2).collect();
    lines.sort_unstable();
    let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
    assert!(message.contains(&format!("at step {step}")) && message.contains(&lines.join(", ")), "{message}");
    assert!(message.contains("train.jsonl") && message.contains("lower the learning rate"), "{message}");
    assert!(!job.out.try_exists().unwrap());
    if let Some(last) = saved.last() {
        let Found::State(state) = run.resume().unwrap() else { panic!("the checkpoint is of use") };
        assert_eq!(state.step as u64, *last);
        assert!(run.parameters.iter().flat_map(|p| &p.values).all(|value| value.is_finite()));
    }
}

#[test]
fn a_loss_that_explodes_ends_the_run_in_words_and_no_checkpoint_is_of_what_it_has_become() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(dir.path(), JobMethod::Sft, 40, 0);
    let mut run = Run::new(&job).unwrap();
    run.bind().unwrap();
    // As if the losses of a model that knows nothing came after ones that were nearly nothing.
    (0..5).for_each(|_| assert_eq!(run.state.health.problem(0.1, 1.0, f64::INFINITY), None));
    let (mut steps, mut saved) = (0, 0);
    let ended = run.work(&AtomicBool::new(false), &mut |event| match event {
        Progress::Step { .. } => steps += 1,
        Progress::Checkpoint { .. } => saved += 1,
        _ => {}
    });
    let message = ended.unwrap_err().to_string();
    assert_eq!((steps, saved), (2, 0), "{message}");
    for part in ["at step 3", "far above the 0.100", "lines ", "lower the learning rate"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!job.out.try_exists().unwrap());
}

#[test]
fn empty_data_and_data_without_a_short_example_are_told_apart_and_a_single_example_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 2, 0);
    let (one, all) = (row("apple", 3), std::fs::read_to_string(&job.train).unwrap());
    std::fs::write(&job.train, "\n  \n").unwrap();
    let message = run(&job, &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("train.jsonl holds no example at all"), "{message}");
    std::fs::write(&job.train, all).unwrap();
    std::fs::write(&job.held_out, "").unwrap();
    let message = run(&job, &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("held_out.jsonl holds no example at all"), "{message}");
    std::fs::write(&job.train, &one).unwrap();
    std::fs::write(&job.held_out, &one).unwrap();
    assert_eq!(run(&job, &mut |_| {}).unwrap().steps, 2);
    job.arguments.max_tokens = 4;
    let message = run(&job, &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("holds 1 examples, none of at most 4 tokens"), "{message}");
}

#[test]
fn a_rehearsal_says_what_a_run_would_cost_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(dir.path(), JobMethod::Sft, 7, 0);
    let files = || {
        let mut names: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    let said = crate::rehearse(&job).unwrap();
    assert_eq!(files(), before);
    assert_eq!((said.examples, said.held_out, said.steps), (16, 4, 7));
    assert!(said.learnt_tokens < said.computed_tokens && said.computed_tokens <= said.tokens);
    assert!(said.step_seconds > 0.0 && said.seconds > said.step_seconds && said.peak_mb > Some(0), "{said:?}");
}
