//! `apprentice generate`: a maker of training data from its first question to its report.
//!
//! First `maker` says which one, with which settings; `open` whom it asks and what that may cost; `pupil` opens the student, taught
//! first where that was asked for. Then the maker works, and `progress` shows how far it is. Ctrl-C, a reached cap or a teacher that is
//! gone ends the run, and the same command goes on with it. `summary` tells what came of it. `iterate` plays and learns in turns; `store`
//! puts what was kept into the exchange log, `autoif` holds what AutoIF's functions are run by.

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
use wire::ChatModel;

use crate::cli::generate::{Generate, Make, Making, Prepare, Refilter};
use crate::commands::dataset;
use crate::output::{eprint_line, print_line};
use crate::{Outcome, app};

use maker::Maker;
use open::Opened;

/// Runs one maker, or does something with a finished run.
pub(crate) fn generate(what: Generate) -> Outcome {
    match what {
        Generate::Make(maker) => make(*maker),
        Generate::Store(arguments) => app::runtime()?.block_on(store::store(&arguments)),
        Generate::Prepare(Prepare { runs, filters }) => {
            let files: Vec<PathBuf> = runs.iter().map(|run| run.join(report::EXAMPLES_FILE)).collect();
            dataset::build(&files, None, &filters)
        }
        Generate::Refilter(Refilter { run, out, limits }) => {
            let limits = limits.into_iter().collect();
            let report = generate::refilter::refilter(&run, &out, &limits, app::now_ms())?;
            summary::lines(&report, &out).iter().try_for_each(|line| print_line(line))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs one maker.
fn make(what: Make) -> Outcome {
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
            None if report.kept == 0 => {
                eprint_line("apprentice: nothing was kept; the report says what fell where, with samples");
                Ok(ExitCode::FAILURE)
            }
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
    let mut run = opened.begin(making, (maker.name(), maker.arguments()?), folder, student)?;
    for (stage, name, schema) in maker.schemas() {
        run.teacher.ask_as(stage, opened.with_schema(name, schema));
    }
    let shown = progress::show(run.meter.clone(), opened.limits.price);
    let stop = run.stop.clone();
    let worked = tokio::select! {
        worked = maker.make(&mut run, opened) => worked,
        signals = signalled_twice(&stop) => signals.map_err(GenerateError::from).and(Err(GenerateError::Interrupted)),
    };
    shown.end().await;
    let error = worked.err();
    Ok((run.finish(error.as_ref())?, error))
}

/// Sets `stop` at the first signal, and ends at the second.
async fn signalled_twice(stop: &AtomicBool) -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    for times in 0..2 {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if times == 0 {
            stop.store(true, Ordering::Relaxed);
            eprint_line("stopping: what is under way is paid and is waited for; once more ends it at once");
        }
    }
    Ok(())
}
