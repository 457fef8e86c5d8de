//! `apprentice generate`: a maker of training data from its first question to its report.
//!
//! 1. `maker`: which one, with which settings; 2. `open`: whom it asks, what that may cost; `pupil`: the student, taught first where that
//! was asked for; 3. the maker works, `progress` shows how far it is; 4. Ctrl-C, a reached cap or a teacher that is gone ends the run,
//! and the same command goes on with it; 5. `summary` tells what came of it. `iterate`: self-play and KTO in turns;
//! `autoif`: what AutoIF's functions are run by.

mod autoif;
mod iterate;
mod maker;
mod open;
mod progress;
mod pupil;
mod store;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use generate::prompts::Prompts;
use generate::{Estimate, GenerateError, Report, report};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use wire::ChatModel;

use crate::cli::generate::{Generate, Making, Prepare};
use crate::commands::dataset;
use crate::output::{eprint_line, print_line};
use crate::{Outcome, app};

use maker::Maker;
use open::Opened;

/// Runs one maker.
pub(crate) fn generate(what: Generate) -> Outcome {
    if let Generate::Store(arguments) = &what {
        return app::runtime()?.block_on(store::store(arguments));
    }
    if let Generate::Prepare(Prepare { runs, filters }) = &what {
        let files: Vec<PathBuf> = runs.iter().map(|run| run.join(report::EXAMPLES_FILE)).collect();
        return dataset::build(&files, None, filters);
    }
    let (making, maker) = maker::of(what)?;
    app::runtime()?.block_on(async {
        let opened = Opened::new(&making).await?;
        if making.dry_run {
            let estimate = Estimate::of(maker.plan(&Prompts::load(making.prompts.as_deref())?)?, &opened.limits);
            summary::estimate(&estimate, &opened).iter().try_for_each(|line| print_line(line))?;
            return Ok(ExitCode::SUCCESS);
        }
        if let Maker::SelfPlay(settings, play) = &maker
            && let Some(iterations) = play.iterate
        {
            return iterate::iterate(&making, &opened, settings, play, iterations).await;
        }
        let folder = opened.folder(&making, maker.name());
        let student = maker.student(&making, &opened, &folder).await?;
        let (report, error) = run(&making, &opened, &maker, &folder, student).await?;
        if making.json {
            print_line(&serde_json::to_string(&report)?)?;
        } else {
            summary::lines(&report, &folder).iter().try_for_each(|line| print_line(line))?;
        }
        match error {
            None => Ok(ExitCode::SUCCESS),
            Some(error) => {
                eprint_line(&format!("apprentice: {error}"));
                Ok(ExitCode::FAILURE)
            }
        }
    })
}

/// One run from its begin to its report, and what ended it early.
async fn run(
    making: &Making,
    opened: &Opened,
    maker: &Maker,
    folder: &Path,
    student: Option<Arc<dyn ChatModel>>,
) -> Result<(Report, Option<GenerateError>), app::Error> {
    let mut run = opened.begin(making, maker, folder, student)?;
    let shown = progress::show(run.meter.clone(), opened.limits.price);
    let watching = stop_at_signal(run.stop.clone())?;
    let worked = maker.make(&mut run, opened).await;
    watching.abort();
    shown.end();
    let error = worked.err();
    Ok((run.finish(error.as_ref())?, error))
}

/// Sets `stop` at the first signal; the second one ends the process as usual.
fn stop_at_signal(stop: Arc<AtomicBool>) -> std::io::Result<JoinHandle<()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(tokio::spawn(async move {
        for times in 0.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if times > 0 {
                std::process::exit(130);
            }
            stop.store(true, Ordering::Relaxed);
            eprint_line("stopping: what is under way is paid and is waited for; once more ends it at once");
        }
    }))
}
