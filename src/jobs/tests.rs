use std::path::Path;

use wire::Signals;

use crate::{
    Device, EvalResult, Method, ObjectiveArguments, Pretraining, Progress, Quantize, Score, TrainJob, TrainingArguments,
};

fn job() -> TrainJob {
    TrainJob {
        method: Method::Sft,
        base: "/b".into(),
        train: "t.jsonl".into(),
        held_out: "h.jsonl".into(),
        out: "out".into(),
        checkpoint: "c".into(),
        reference: None,
        arguments: TrainingArguments { recompute: Some(true), epochs: 0.0, ..TrainingArguments::default() },
        objective: ObjectiveArguments::default(),
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
fn a_run_fills_in_what_was_left_open_and_changes_nothing_that_was_said() {
    let open = TrainingArguments::default();
    let filled = TrainingArguments { micro_batch_tokens: Some(4096), recompute: Some(true), ..open };
    assert!(filled.fill_in(&open) && filled.fill_in(&filled) && !open.fill_in(&filled));
    assert!(!filled.fill_in(&TrainingArguments { recompute: Some(false), ..open }));
    assert!(!filled.fill_in(&TrainingArguments { rank: 8, ..open }));
}

#[test]
fn weights_that_are_trained_are_not_quantized() {
    let arguments = TrainingArguments { quantize: Some(Quantize::Nf4), ..TrainingArguments::default() };
    let packed = TrainJob { arguments, ..job() };
    let text = packed.to_toml().unwrap();
    assert!(text.contains("quantize = \"nf4\""), "{text}");
    assert_eq!(TrainJob::parse(&text, Path::new("")).unwrap().arguments, packed.arguments);
    let text = TrainJob { method: Method::Pretrain, ..packed }.to_toml().unwrap();
    assert!(TrainJob::parse(&text, Path::new("")).unwrap_err().contains("pretrain has none"));
}

#[test]
fn a_device_is_for_adapters_on_weights_as_they_are() {
    let arguments = TrainingArguments { device: Device::Cuda, ..TrainingArguments::default() };
    let on_device = TrainJob { arguments, ..job() };
    let text = on_device.to_toml().unwrap();
    assert!(text.contains("device = \"cuda\""), "{text}");
    assert_eq!(TrainJob::parse(&text, Path::new("")).unwrap().arguments, on_device.arguments);
    let mut packed = on_device.clone();
    packed.arguments.quantize = Some(Quantize::Q8_0);
    let message = TrainJob::parse(&packed.to_toml().unwrap(), Path::new("")).unwrap_err();
    assert_eq!(message, "arguments.device = cuda keeps weights as they are: take out quantize, or set device = cpu");
    let whole = TrainJob { method: Method::Pretrain, ..on_device };
    let message = TrainJob::parse(&whole.to_toml().unwrap(), Path::new("")).unwrap_err();
    assert!(message.contains("arguments.device = cuda is for adapters"), "{message}");
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

fn kto() -> TrainJob {
    TrainJob { method: Method::Kto, reference: Some("sft".into()), ..job() }
}

#[test]
fn a_preference_job_names_its_reference_and_the_others_have_none() {
    let parse = |job: &TrainJob| TrainJob::parse(&job.to_toml().unwrap(), Path::new("/lesson"));
    assert_eq!(parse(&kto()).unwrap().reference.unwrap(), Path::new("/lesson/sft"));
    for method in [Method::Kto, Method::Dpo] {
        let message = parse(&TrainJob { method, ..job() }).unwrap_err();
        assert!(message.contains("reference is missing"), "{message}");
    }
    for method in [Method::Sft, Method::Pretrain] {
        let message = parse(&TrainJob { method, ..kto() }).unwrap_err();
        assert!(message.contains("only for kto and dpo"), "{message}");
    }
}

#[test]
fn an_objective_that_cannot_work_is_refused_with_key_value_and_range() {
    type Change = fn(&mut TrainJob);
    let wrong: [(&str, Change); 7] = [
        ("objective.kl_weight = 1.5 must be from 0 to 1", |job| job.objective.kl_weight = 1.5),
        ("objective.kl_weight = 0.5 is only for sft", |job| job.objective.kl_weight = 0.5),
        ("objective.beta = 0 must be greater than 0", |job| job.objective.beta = 0.0),
        ("objective.beta = inf must be", |job| job.objective.beta = f64::INFINITY),
        ("objective.desirable_weight = -1 must be", |job| job.objective.desirable_weight = -1.0),
        ("objective.undesirable_weight = NaN must be", |job| job.objective.undesirable_weight = f64::NAN),
        ("arguments.batch_size = 1 must be at least 2 for kto", |job| job.arguments.batch_size = 1),
    ];
    for (message, change) in wrong {
        let mut job = kto();
        change(&mut job);
        let said = TrainJob::parse(&job.to_toml().unwrap(), Path::new("")).unwrap_err();
        assert!(said.contains(message), "{said}");
    }
    let mut two = kto();
    two.arguments.batch_size = 2;
    assert!(TrainJob::parse(&two.to_toml().unwrap(), Path::new("")).is_ok());
    let mut one = kto();
    (one.method, one.arguments.batch_size) = (Method::Dpo, 1);
    assert!(TrainJob::parse(&one.to_toml().unwrap(), Path::new("")).is_ok(), "pairs need no other example");
}

#[test]
fn a_preference_job_that_names_no_learning_rate_has_a_gentle_one() {
    let file = |method: &str, more: &str| {
        let paths = "base = \"b\"\ntrain = \"t\"\nheld_out = \"h\"\nout = \"o\"\ncheckpoint = \"c\"\n";
        let text = format!("method = \"{method}\"\n{paths}{more}");
        TrainJob::parse(&text, Path::new("")).unwrap()
    };
    let reference = "reference = \"sft\"\n";
    assert_eq!(file("sft", "").arguments.learning_rate, 5e-4);
    for method in ["kto", "dpo"] {
        let job = file(method, &format!("{reference}[arguments]\nrank = 8"));
        assert_eq!((job.arguments.learning_rate, job.arguments.rank, job.objective.beta), (5e-6, 8, 0.1));
        let job = file(method, &format!("{reference}[arguments]\nlearning_rate = 1e-5\n[objective]\nbeta = 0.3"));
        assert_eq!((job.arguments.learning_rate, job.objective.beta), (1e-5, 0.3));
    }
}

#[test]
fn progress_lines_are_read_as_they_were_written() {
    let line = Progress::Step { step: 1, of: 2, loss: 0.5, tokens_per_s: 10.0, seconds: 1.5 };
    let text = serde_json::to_string(&line).unwrap();
    assert!(text.starts_with(r#"{"event":"step""#), "{text}");
    assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), line);
    let rewards = Progress::Rewards {
        step: 3,
        rewards_chosen: Some(0.5),
        rewards_rejected: None,
        rewards_margins: None,
        kl: Some(0.0),
    };
    let text = serde_json::to_string(&rewards).unwrap();
    assert_eq!(text, r#"{"event":"rewards","step":3,"rewards_chosen":0.5,"kl":0.0}"#);
    assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), rewards);
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
