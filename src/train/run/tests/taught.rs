//! Learning from what the teacher thought of its answers.

use jobs::TrainReport;
use jobs::report::report_path;

use super::*;

/// The answer is always a full stop, and the teacher was no surer of it than 0.6.
fn unsure(dir: &Path, kl_weight: f64, logprobs: bool) -> TrainJob {
    let mut job = job(dir, JobMethod::Sft, 80, 20);
    let said = format!(
        r#"{{"content":[{{"token":".","logprob":{own},"top_logprobs":[{{"token":".","logprob":{own}}},{{"token":",","logprob":{other}}}]}}]}}"#,
        own = 0.6f64.ln(),
        other = 0.4f64.ln(),
    );
    let said = if logprobs { said } else { "null".to_owned() };
    let line = |n: u32| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"How much is {n}?"}},{{"role":"assistant","content":"."}}],"logprobs":{said}}}"#
        )
    };
    let lines: Vec<String> = (10..26).map(line).collect();
    std::fs::write(&job.train, lines.join("\n")).unwrap();
    std::fs::write(&job.held_out, lines[..4].join("\n")).unwrap();
    job.objective.kl_weight = kl_weight;
    job
}

struct Learnt {
    report: TrainReport,
    weights: Vec<u8>,
    /// How often the student would say a comma for every full stop.
    commas: f64,
}

fn learnt(kl_weight: f64, logprobs: bool) -> Learnt {
    let dir = tempfile::tempdir().unwrap();
    let job = unsure(dir.path(), kl_weight, logprobs);
    run(&job, &mut |_| {}).unwrap();
    let report = serde_json::from_slice(&std::fs::read(report_path(&job.out)).unwrap()).unwrap();
    let weights = std::fs::read(job.out.join("adapter_model.safetensors")).unwrap();
    let adapter = Adapter::load(&job.out, &Config::load(&job.base).unwrap()).unwrap();
    let tokenizer = Tokenizer::load(&job.base).unwrap();
    let examples = Examples::read(&job.held_out, &tokenizer, job.method, &job.arguments).unwrap();
    let tokens = &examples.list[0].sequences[0].tokens;
    let logits = crate::logits(&job.base, Some(&adapter), &tokens.ids).unwrap();
    let logit =
        |text: &str| f64::from(logits[tokens.completion.start - 1][tokenizer.encode(text).unwrap()[0] as usize]);
    Learnt { report, weights, commas: (logit(",") - logit(".")).exp() }
}

#[test]
fn a_student_becomes_as_unsure_as_its_teacher() {
    let (taught, imitating) = (learnt(1.0, true), learnt(0.0, true));
    assert_eq!(taught.report.train.soft_targets, 16, "one of every example's two tokens");
    // The teacher would say two for three; this small base gets no nearer.
    assert!((0.4..0.8).contains(&taught.commas), "{}", taught.commas);
    assert!(imitating.commas < 0.2, "imitation is sure: {}", imitating.commas);
}

#[test]
fn what_the_teacher_thought_changes_nothing_where_it_has_no_weight() {
    let (with, without) = (learnt(0.0, true), learnt(0.0, false));
    assert_eq!(with.report.train.soft_targets, 0);
    assert!(with.weights == without.weights);
}
