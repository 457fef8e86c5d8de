//! `apprentice train JOB.toml [JOB.toml]`: training jobs one after another, such as preferences after what they refer to; progress
//! as JSON lines on standard output. With `--dry-run` a look at the first for a person.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jobs::{INTERRUPTED, Progress, TrainJob};
use tokio::signal::unix::{SignalKind, signal};
use train::{Rehearsal, TrainError};

use crate::Outcome;
use crate::commands::progress::Bar;
use crate::output::print_line;

/// Runs the jobs, all of which can be read; how it went is the last line. Asked to stop (SIGTERM), it finishes its step,
/// writes down where it stands and ends with [`INTERRUPTED`]; started again it goes on in the job that it was in.
pub(crate) fn train(paths: &[PathBuf]) -> Outcome {
    let stop = asked_to_stop()?;
    let bar = Bar::new("training");
    // A reader that went away does not end a lesson.
    let mut line = |progress: &Progress| {
        let text = serde_json::to_string(progress).unwrap_or_default();
        bar.beside(|| print_line(&text)).unwrap_or_default();
        match progress {
            Progress::Step { step, of, loss, .. } => bar.at(*step, *of, format!("loss {loss:.4}")),
            Progress::HeldOut { loss, exact, .. } => bar.word(format!("held-out loss {loss:.4}, exact {exact:.2}")),
            _ => {}
        }
    };
    let jobs: Result<Vec<TrainJob>, TrainError> = paths.iter().map(|path| train::load_job(path)).collect();
    let mut run = |jobs: Vec<TrainJob>| {
        let mut run = |job| train::run_until(job, &stop, &mut line).map(drop);
        jobs.iter().try_for_each(&mut run)
    };
    Ok(match jobs.and_then(&mut run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(TrainError::Interrupted { step }) => {
            line(&Progress::Interrupted { step: step as u64 });
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            line(&Progress::Failed { error: error.to_string() });
            ExitCode::FAILURE
        }
    })
}

/// Becomes true with the first SIGTERM. From now on the signal alone ends nothing.
fn asked_to_stop() -> std::io::Result<Arc<AtomicBool>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut terminate = {
        let _inside = runtime.enter();
        signal(SignalKind::terminate())?
    };
    let asked = Arc::new(AtomicBool::new(false));
    let told = asked.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if runtime.block_on(terminate.recv()).is_some() {
            told.store(true, Ordering::Relaxed);
        }
    })?;
    Ok(asked)
}

/// Says what the first job would come to, since a further one may begin with what it leaves; nothing is written.
pub(crate) fn dry_run(paths: &[PathBuf]) -> Outcome {
    for path in paths.iter().take(1) {
        for line in lines(&train::rehearse(&train::load_job(path)?)?) {
            print_line(&line)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(said: &Rehearsal) -> [String; 6] {
    let Rehearsal { examples, held_out, dropped, held_out_dropped, .. } = said;
    let twice = if said.recompute { "layers computed twice (recompute)" } else { "no layer computed twice" };
    let limit = said.memory_limit_mb.map_or_else(|| "no limit known".to_owned(), |mb| format!("{mb} MB may be taken"));
    let peak = said.peak_mb.map_or_else(String::new, |mb| format!(", {mb} MB of memory at its peak"));
    [
        format!(
            "examples   {examples} to learn from ({dropped} too long), {held_out} held out ({held_out_dropped} too long)"
        ),
        format!(
            "tokens     {} in one pass, {} computed, {} learnt",
            said.tokens, said.computed_tokens, said.learnt_tokens
        ),
        format!("steps      {} at most", said.steps),
        format!("memory     about {} MB, {limit}; {} tokens at once, {twice}", said.memory_mb, said.tokens_at_once),
        format!("one step   {:.2} s{peak}", said.step_seconds),
        format!(
            "time       about {} for all steps; looks at the held-out examples come on top",
            duration(said.seconds)
        ),
    ]
}

fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time, rounded")]
    let whole = seconds.round().max(1.0) as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}
