//! What a run leaves beside its output.

use jobs::TrainReport;
use jobs::report::{curve_path, report_path};

use super::*;

fn report(job: &TrainJob) -> TrainReport {
    serde_json::from_slice(&std::fs::read(report_path(&job.out)).unwrap()).unwrap()
}

#[test]
fn a_report_says_what_was_learnt_from_and_how_it_went() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = job(dir.path(), JobMethod::Sft, 10, 4);
    job.arguments.max_tokens = 64;
    let text = std::fs::read_to_string(&job.train).unwrap();
    std::fs::write(&job.train, format!("{text}\n{}", row(&"lantern ".repeat(200), 1))).unwrap();
    let (mut losses, mut evaluations) = (Vec::new(), Vec::new());
    let summary = run(&job, &mut |event| match event {
        Progress::Step { step, loss, .. } => losses.push((*step, *loss)),
        Progress::HeldOut { step, loss, exact, .. } => evaluations.push((*step, *loss, *exact)),
        _ => {}
    })
    .unwrap();
    let report = report(&job);
    assert_eq!(report.curve.train.iter().map(|point| (point.step, point.loss)).collect::<Vec<_>>(), losses);
    let held_out: Vec<_> = report.curve.held_out.iter().map(|point| (point.step, point.loss, point.exact)).collect();
    assert_eq!((held_out.len(), held_out), (3, evaluations));
    assert_eq!(report.ended.as_deref(), Some("all 10 steps are done"));
    let kept = report.kept.unwrap();
    assert_eq!((kept.loss, kept.exact), (summary.held_out_loss, summary.held_out_exact));
    assert!(report.curve.held_out.contains(&kept));
    assert_eq!((report.train.examples, report.train.dropped, report.held_out.examples), (16, 1, 4));
    let filled_in = TrainingArguments { recompute: Some(false), ..job.arguments };
    assert_eq!((report.arguments, report.steps, report.steps_max), (filled_in, 10, 10));
    assert!(report.epoch.learnt > 0 && report.epoch.computed < report.epoch.logical && report.tokens > 0);
    assert!(report.seconds > 0.0 && report.tokens_per_s > 0.0 && report.memory_mb > 0);
    assert_eq!(report.base_blake3, gemma::base_hash(&job.base).unwrap().to_hex().to_string());
    assert!(report.train.blake3 != report.held_out.blake3 && report.train.blake3.len() == 64);
    let svg = std::fs::read_to_string(curve_path(&job.out)).unwrap();
    for text in ["nats a token", ">held out<", ">kept<", "rank 4, learning rate 0.01: 16 examples"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    let names: Vec<_> = std::fs::read_dir(&job.out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the adapter's folder holds the adapter alone: {names:?}");
}

#[test]
fn a_run_that_is_killed_again_and_again_reports_every_step_and_evaluation_once() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = job(whole.path(), JobMethod::Sft, 10, 2);
    run(&one, &mut |_| {}).unwrap();
    let other = job(parts.path(), JobMethod::Sft, 10, 2);
    killed_at(&other, 3);
    // Killed after an evaluation that no checkpoint knows of, and that the report knows already.
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        run(&other, &mut |event| assert!(!matches!(event, Progress::HeldOut { step: 6, .. }), "killed"))
    }));
    assert!(killed.is_err());
    killed_at(&other, 7);
    let unfinished = report(&other);
    assert_eq!((unfinished.ended, unfinished.curve.held_out.len()), (None, 3));
    // Killed when all is done but the adapter: it looks at the held-out examples again.
    killed_at(&other, 10);
    run(&other, &mut |_| {}).unwrap();
    assert_eq!(report(&other).curve, report(&one).curve);
    assert_eq!((report(&other).kept, report(&other).tokens), (report(&one).kept, report(&one).tokens));
}

#[test]
fn a_report_says_why_the_run_ended() {
    let ended = |change: &dyn Fn(&mut TrainingArguments)| {
        let dir = tempfile::tempdir().unwrap();
        let mut job = job(dir.path(), JobMethod::Sft, 6, 1);
        change(&mut job.arguments);
        run(&job, &mut |_| {}).unwrap();
        report(&job).ended.unwrap()
    };
    assert_eq!(ended(&|a| a.stop_loss = Some(1e9)), "the held-out loss is low enough (stop_loss = 1000000000)");
    // A rate that moves no bit is never better than its first evaluation.
    let patient = ended(&|a| (a.learning_rate, a.patience, a.max_steps) = (1e-30, 2, 40));
    assert_eq!(patient, "no better evaluation among the last 2 (patience = 2)");
    assert_eq!(ended(&|a| a.max_seconds = 1e-9), "the time is over (max_seconds = 0.000000001)");
}
