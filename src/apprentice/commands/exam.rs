//! `apprentice exam JOB.toml`: a version answers held-out prompts and is compared with the teacher.

use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use gateway::Similarity;
use jobs::{EvalJob, EvalResult, Score};
use student::{Runtime, Student, StudentConfig};
use verify::{Measure, Seen, Verdict, Verifier, Verifiers};
use wire::{ChatModel, ModelError, Prompt, Sampling};

use crate::app::similarity::similarity;
use crate::output::eprint_line;
use crate::settings::environment;
use crate::{Outcome, app};

/// Answers that are written at the same time.
const ROWS: usize = 8;
/// Memory for what prompts begin with in common: they are one call site's.
const PREFIX_BYTES: usize = 64 << 20;

/// Answers every held-out prompt once and writes the result.
pub(crate) fn exam(path: &Path) -> Outcome {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let job: EvalJob = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let library = student::library::find(job.onnxruntime.as_deref(), &environment::raw)?;
    let (runtime, similarity) = (Runtime::load(&library)?, similarity(job.encoder.as_deref(), &library)?);
    let config = StudentConfig {
        graph: job.graph.join(gemma::GRAPH_FILE),
        base: job.base.clone(),
        rows: ROWS,
        queue: 1,
        threads: job.threads,
        context: job.context,
        prefix_bytes: PREFIX_BYTES,
        // Nobody is alone in an exam.
        draft_tokens: 0,
        // The exam is what a list would be measured by.
        shortlist: false,
        kernel: app::kernel()?,
    };
    let model = Student::open(&runtime, config, Box::new(|_| {}))?.model("exam".into(), Some(&job.adapter))?;
    let result = app::runtime()?.block_on(answer(model.as_ref(), &job, &*similarity))?;
    files::replace_json(&job.out, &result)?;
    eprint_line(&format!(
        "{} prompts, mean quality {:.4}, {} not eligible, {:.1} s",
        result.scores.len(),
        result.mean_quality(),
        result.ineligible,
        result.seconds
    ));
    Ok(ExitCode::SUCCESS)
}

async fn answer(model: &dyn ChatModel, job: &EvalJob, similarity: &Similarity) -> Result<EvalResult, app::Error> {
    let (began, verifiers) = (Instant::now(), Verifiers::new(&job.verifiers)?);
    let mut result = EvalResult::default();
    let mut examples = dataset::read_chat(&job.held_out)?.into_iter();
    let mut asked = VecDeque::new();
    loop {
        while asked.len() < ROWS
            && let Some(example) = examples.next()
        {
            let Some((turns, teacher)) = example.split() else { continue };
            let prompt = Prompt::new(turns.to_vec(), job.max_tokens, Sampling::Greedy);
            asked.push_back((model.answer(prompt.clone()), prompt, teacher.text.clone()));
        }
        let Some((answering, prompt, teacher)) = asked.pop_front() else { break };
        match answering.await {
            Ok(answer) => {
                let passed = verifiers.check(&prompt, &answer) == Verdict::Pass;
                let (quality, bad) = graded(job, &prompt, [&answer.text, &teacher], similarity);
                let quality = if passed { quality } else { 0.0 };
                result.scores.push(Score { quality, bad: bad || !passed, signals: answer.signals });
            }
            // The proxy would never ask this either.
            Err(ModelError::Ineligible(_)) => result.ineligible += 1,
            Err(error) => return Err(error.into()),
        }
    }
    result.seconds = began.elapsed().as_secs_f64();
    Ok(result)
}

/// Quality and badness by the job's measure. What needs a second answer of the teacher's or a judge is graded by whether
/// it would be bad: the facts, and a similarity that the teacher has with itself in 95 % of its answers.
fn graded(job: &EvalJob, prompt: &Prompt, [student, teacher]: [&str; 2], similarity: &Similarity) -> (f64, bool) {
    let said = verify::prompt_key::text(prompt);
    let seen = Seen { prompt: &said, student, teacher, teacher_again: None, judged: None };
    if let Some(score) = job.measure.score(&seen, similarity, job.bad_below) {
        return (score.quality, score.bad);
    }
    let bad_below = match job.measure {
        Measure::SelfRelative { bad_below, .. } => bad_below,
        _ => 0.0,
    };
    let bad = Measure::Similar.score(&seen, similarity, bad_below).is_none_or(|score| score.bad);
    (f64::from(u8::from(!bad)), bad)
}
