//! `apprentice exam JOB.toml`: a version answers held-out prompts and is compared with the teacher.

use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use curriculum::{WorstAnswer, keep_worst};
use gateway::Similarity;
use jobs::{EvalJob, EvalResult, Score, WAITS};
use verify::{Measure, Seen, Verdict, Verifier, Verifiers};
use wire::{ChatModel, ModelError, Prompt, Sampling};

use crate::app::backend::{EXAM_ROWS, Examined};
use crate::app::similarity::similarity;
use crate::commands::progress::Bar;
use crate::output::eprint_line;
use crate::settings::environment;
use crate::{Outcome, app};

/// Answers every held-out prompt once and writes the result.
pub(crate) fn exam(path: &Path) -> Outcome {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let job: EvalJob = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    // Only the local student and an encoder need it.
    let library = job.encoder.as_ref().map(|_| student::library::find(job.onnxruntime.as_deref(), &environment::raw));
    let similarity = similarity(job.encoder.as_deref(), &library.transpose()?.unwrap_or_default())?;
    let result = match answered(&job, &*similarity) {
        // Nothing is wrong with what was learnt, whatever the server says.
        Err(error) if job.served.is_some() => {
            eprint_line(&format!("apprentice: {error}"));
            return Ok(ExitCode::from(WAITS));
        }
        result => result?,
    };
    let (result, worst) = result;
    if let Some(path) = &job.worst {
        files::replace_json(path, &worst)?;
    }
    // Last: its presence ends the step.
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

/// Opens the student as it will be served and lets it answer.
fn answered(job: &EvalJob, similarity: &Similarity) -> Result<(EvalResult, Vec<WorstAnswer>), app::Error> {
    let examined = Examined::open(job)?;
    let model = examined.model().ok_or("no student is open")?;
    app::runtime()?.block_on(answer(model, job, similarity))
}

async fn answer(
    model: &dyn ChatModel,
    job: &EvalJob,
    similarity: &Similarity,
) -> Result<(EvalResult, Vec<WorstAnswer>), app::Error> {
    let (began, verifiers) = (Instant::now(), Verifiers::new(&job.verifiers)?);
    let (mut result, mut worst) = (EvalResult::default(), Vec::new());
    let examples = dataset::read_chat(&job.held_out)?;
    let (bar, of) = (Bar::new("exam"), examples.len() as u64);
    let (mut examples, mut asked) = (examples.into_iter().enumerate(), VecDeque::new());
    loop {
        while asked.len() < EXAM_ROWS
            && let Some((place, example)) = examples.next()
        {
            let Some((turns, teacher)) = example.split() else { continue };
            // As a client asks: the answer has a form, or may call.
            let form = example.form.clone();
            let prompt = Prompt { form, ..Prompt::new(turns, job.max_tokens, Sampling::Greedy) };
            asked.push_back((model.answer(prompt.clone()), place, prompt, teacher.text.clone()));
        }
        let Some((answering, place, prompt, teacher)) = asked.pop_front() else { break };
        match answering.await {
            Ok(answer) => {
                let passed = verifiers.check(&prompt, &answer) == Verdict::Pass;
                let (quality, bad) = graded(job, &prompt, [&answer.text, &teacher], similarity);
                let quality = if passed { quality } else { 0.0 };
                result.scores.push(Score { quality, bad: bad || !passed, signals: answer.signals });
                keep_worst(&mut worst, WorstAnswer { example: place, answer: answer.text, quality, refused: !passed });
            }
            // The proxy would never ask this either.
            Err(ModelError::Ineligible(_)) => result.ineligible += 1,
            Err(error) => return Err(error.into()),
        }
        let done = result.scores.len() as u64 + result.ineligible;
        bar.at(done, of, format!("mean quality {:.3}", result.mean_quality()));
    }
    result.seconds = began.elapsed().as_secs_f64();
    Ok((result, worst))
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
