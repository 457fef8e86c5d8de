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
mod summary;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use generate::prompts::Prompts;
use generate::{Estimate, GenerateError, Report};
use tokio::signal::unix::{SignalKind, signal};
use wire::ChatModel;

use crate::cli::generate::{Generate, Making};
use crate::output::{eprint_line, print_line};
use crate::{Outcome, app};

use maker::Maker;
use open::Opened;

/// Runs one maker.
pub(crate) fn generate(what: Generate) -> Outcome {
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
    let worked = interruptible(maker.make(&mut run, opened)).await;
    shown.end();
    let error = worked.err();
    Ok((run.finish(error.as_ref())?, error))
}

/// `work`, unless a signal ends it; what was paid is on disk at any time.
async fn interruptible(work: impl Future<Output = Result<(), GenerateError>>) -> Result<(), GenerateError> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        worked = work => worked,
        _ = interrupt.recv() => Err(GenerateError::Interrupted),
        _ = terminate.recv() => Err(GenerateError::Interrupted),
    }
}
