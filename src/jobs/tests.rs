use std::path::Path;

use wire::Signals;

use crate::{EvalResult, Method, Pretraining, Progress, Score, TrainJob, TrainingArguments};

fn job() -> TrainJob {
    TrainJob {
        method: Method::Sft,
        base: "/b".into(),
        train: "t.jsonl".into(),
        held_out: "h.jsonl".into(),
        out: "out".into(),
        checkpoint: "c".into(),
        arguments: TrainingArguments { recompute: true, epochs: 0.0, ..TrainingArguments::default() },
        pretraining: Pretraining::default(),
    }
}

#[test]
fn a_job_that_was_written_is_read_back_with_its_folder() {
    let read = TrainJob::parse(&job().to_toml().unwrap(), Path::new("/lesson")).unwrap();
    assert_eq!((read.base.as_path(), read.train.as_path()), (Path::new("/b"), Path::new("/lesson/t.jsonl")));
    assert_eq!(read.arguments, job().arguments);
}

#[test]
fn a_setting_that_cannot_work_is_refused_with_key_value_and_range() {
    type Change = fn(&mut TrainingArguments);
    let wrong: [(&str, Change); 9] = [
        ("rank = 0 must be at least 1", |a| a.rank = 0),
        ("batch_size = 0 must be at least 1", |a| a.batch_size = 0),
        ("threads = 0 must be at least 1", |a| a.threads = 0),
        ("learning_rate = -1 must be greater than 0", |a| a.learning_rate = -1.0),
        ("learning_rate = NaN must be greater than 0", |a| a.learning_rate = f64::NAN),
        ("alpha = inf must be finite", |a| a.alpha = f64::INFINITY),
        ("epochs = -1 must be 0 or greater", |a| a.epochs = -1.0),
        ("stop_exact = 2 must be greater than 0 and at most 1", |a| a.stop_exact = Some(2.0)),
        ("clip_norm = -1 must be 0 or greater", |a| a.clip_norm = -1.0),
    ];
    for (message, change) in wrong {
        let mut arguments = TrainingArguments::default();
        assert_eq!(arguments.problems(), Vec::<String>::new());
        change(&mut arguments);
        assert_eq!(arguments.problems(), [message]);
    }
    let text = job().to_toml().unwrap().replace("rank = 16", "rank = 0");
    assert_eq!(TrainJob::parse(&text, Path::new("")).unwrap_err(), "arguments.rank = 0 must be at least 1");
    assert!(TrainJob::parse(&format!("x = 1\n{text}"), Path::new("")).unwrap_err().contains("unknown field `x`"));
}

#[test]
fn progress_lines_are_read_as_they_were_written() {
    let line = Progress::Step { step: 1, of: 2, loss: 0.5, tokens_per_s: 10.0, seconds: 1.5 };
    let text = serde_json::to_string(&line).unwrap();
    assert!(text.starts_with(r#"{"event":"step""#), "{text}");
    assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), line);
}

fn score(quality: f64, confidence: f32) -> Score {
    Score { quality, bad: quality < 0.5, signals: Signals { min_logprob: confidence.ln(), ..Signals::default() } }
}

/// Answers of rising confidence, good or not by their number.
fn exam(answers: u16, good: impl Fn(u16) -> bool) -> EvalResult {
    let scores = (0..answers).map(|n| score(f64::from(u8::from(good(n))), f32::from(n) / f32::from(answers))).collect();
    EvalResult { scores, ..EvalResult::default() }
}

#[test]
fn an_exam_suggests_the_loosest_threshold_that_is_clearly_good_enough() {
    let likely = |result: &EvalResult| {
        let grid = result.confidence_grid(None);
        result.likely_threshold(&grid, None, 0.9).unwrap()
    };
    assert_eq!(likely(&exam(200, |_| true)), 0.0);
    // The least sure fifth is wrong: 0.925 of those above 0.135 are good.
    let fifth = likely(&exam(200, |n| n >= 40));
    assert!((0.13..=0.20).contains(&fifth), "{fifth}");
    let none = likely(&exam(200, |_| false));
    assert!(none > 0.97, "the strictest: {none}");
    assert_eq!(EvalResult::default().likely_threshold(&[0.0], None, 0.9), Some(0.0));
}

#[test]
fn the_grid_holds_the_quantiles_and_zero() {
    let result = exam(200, |_| true);
    let grid = result.confidence_grid(None);
    assert_eq!((grid.len(), grid.last()), (40, Some(&0.0)));
    assert!((grid[0] - 0.025).abs() < 1e-6, "{grid:?}");
    assert_eq!(EvalResult::default().confidence_grid(None), [0.0]);
    let half = EvalResult { scores: vec![score(0.5, 1.0)], ..Default::default() };
    assert_eq!((half.mean_quality(), half.confidence_grid(None)), (0.5, vec![1.0, 0.0]));
}

#[test]
fn an_answer_with_a_token_that_had_no_chance_counts_as_unsure_in_the_exam_as_it_does_when_it_is_served() {
    let mut result = exam(200, |at| at % 3 != 0);
    for score in &mut result.scores {
        score.signals.mean_entropy = if score.bad { 2.0 } else { 0.1 };
    }
    let calibration = result.calibration().unwrap();
    for score in &mut result.scores {
        score.signals.mean_logprob = f32::NEG_INFINITY;
    }
    assert_eq!(result.confidence_grid(Some(&calibration)), [0.0]);
}
