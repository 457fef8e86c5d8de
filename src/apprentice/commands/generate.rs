//! `apprentice generate`: a maker of training data from its first question to its report.
//!
//! 1. `open`: whom it asks, what that may cost; 2. the maker works, `progress` shows how far it is; 3. Ctrl-C, a reached cap or a teacher that is
//! gone ends the run, and the same command goes on with it; 4. `summary` tells what came of it.

mod open;
mod progress;
mod summary;

use std::process::ExitCode;

use generate::{GenerateError, Planned, Run, self_instruct};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::generate::{Generate, Making, SelfInstruct};
use crate::output::{eprint_line, print_line};
use crate::{Outcome, app};

use open::Opened;

/// A maker with its settings.
enum Maker {
    SelfInstruct(self_instruct::Settings),
}

/// Runs one maker.
pub(crate) fn generate(what: Generate) -> Outcome {
    match what {
        Generate::SelfInstruct(arguments) => {
            let SelfInstruct { making, site, count, human_share, rouge_max, tasks } = arguments;
            let thresholds = self_instruct::Thresholds { rouge_max, ..self_instruct::Thresholds::default() };
            let settings = self_instruct::Settings { site, count, human_share, tasks, thresholds, ..self_instruct::Settings::default() };
            made(&making, &Maker::SelfInstruct(settings))
        }
    }
}

impl Maker {
    fn name(&self) -> &'static str {
        match self {
            Self::SelfInstruct(_) => self_instruct::PIPELINE,
        }
    }

    /// Its settings: a run is only gone on with under the same.
    fn arguments(&self) -> serde_json::Result<serde_json::Value> {
        match self {
            Self::SelfInstruct(settings) => serde_json::to_value(settings),
        }
    }

    fn plan(&self, prompts: &generate::prompts::Prompts) -> Result<Vec<Planned>, GenerateError> {
        match self {
            Self::SelfInstruct(settings) => self_instruct::plan(prompts, settings),
        }
    }

    async fn make(&self, run: &mut Run) -> Result<(), GenerateError> {
        match self {
            Self::SelfInstruct(settings) => self_instruct::make(run, settings).await,
        }
    }
}

fn made(making: &Making, maker: &Maker) -> Outcome {
    app::runtime()?.block_on(async {
        let opened = Opened::new(making).await?;
        if making.dry_run {
            let prompts = generate::prompts::Prompts::load(making.prompts.as_deref())?;
            let estimate = generate::Estimate::of(maker.plan(&prompts)?, &opened.limits);
            summary::estimate(&estimate, &opened).iter().try_for_each(|line| print_line(line))?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut run = opened.begin(making, maker.name(), maker.arguments()?)?;
        let folder = run.folder().to_owned();
        let shown = progress::show(run.meter.clone(), opened.limits.price);
        let worked = interruptible(maker.make(&mut run)).await;
        shown.end();
        let report = run.finish(worked.as_ref().err())?;
        if making.json {
            print_line(&serde_json::to_string(&report)?)?;
        } else {
            summary::lines(&report, &folder).iter().try_for_each(|line| print_line(line))?;
        }
        match worked {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => {
                eprint_line(&format!("apprentice: {error}"));
                Ok(ExitCode::FAILURE)
            }
        }
    })
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
