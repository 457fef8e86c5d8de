//! `apprentice generate`: a maker of training data from its first question to its report.
//!
//! 1. `open`: whom it asks, what that may cost; 2. the maker works, `progress` shows how far it is; 3. Ctrl-C, a reached cap or a teacher that is
//! gone ends the run, and the same command goes on with it; 4. `summary` tells what came of it.

mod open;
mod progress;
mod pupil;
mod summary;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use generate::prompts::Prompts;
use generate::{GenerateError, Planned, Run, bootstrap, dialogue, levels, self_growth, self_instruct};
use tokio::signal::unix::{SignalKind, signal};

use wire::ChatModel;

use crate::cli::generate::{Bootstrap, Generate, Levels, Making, Scenes, SelfGrow, SelfInstruct, Student};
use crate::output::{eprint_line, print_line};
use crate::{Outcome, app};

use open::Opened;
use pupil::Pupil;

/// A maker with its settings.
enum Maker {
    SelfInstruct(self_instruct::Settings),
    Bootstrap(bootstrap::Settings),
    SelfGrow(self_growth::Settings, Student),
    Levels(levels::Settings, LevelModels),
}

/// Whom the maker of levels asks, and how.
struct LevelModels {
    no_schema: bool,
    adapter: Option<PathBuf>,
    base: Option<PathBuf>,
}

/// Runs one maker.
pub(crate) fn generate(what: Generate) -> Outcome {
    match what {
        Generate::SelfInstruct(arguments) => {
            let SelfInstruct { making, site, count, human_share, rouge_max, tasks } = arguments;
            let thresholds = self_instruct::Thresholds { rouge_max, ..self_instruct::Thresholds::default() };
            let defaults = self_instruct::Settings::default();
            let settings = self_instruct::Settings { site, count, human_share, tasks, thresholds, ..defaults };
            made(&making, &Maker::SelfInstruct(settings))
        }
        Generate::Bootstrap(Bootstrap { making, scenes, count }) => {
            let thresholds = dialogue::Thresholds { asked_rouge_max: scenes.rouge_max, ..dialogue::Thresholds::default() };
            let Scenes { turns_max, personas, scenes, .. } = scenes;
            let defaults = bootstrap::Settings::default();
            let settings = bootstrap::Settings { count, turns_max, personas, scenes, thresholds, ..defaults };
            made(&making, &Maker::Bootstrap(settings))
        }
        Generate::SelfGrow(SelfGrow { making, scenes, student, from, sizes, shown, anchor_share }) => {
            let thresholds = dialogue::Thresholds { asked_rouge_max: scenes.rouge_max, ..dialogue::Thresholds::default() };
            let Scenes { turns_max, personas, scenes, .. } = scenes;
            let defaults = self_growth::Settings::default();
            let settings = self_growth::Settings {
                from,
                sizes,
                shown,
                anchor_share,
                turns_max,
                personas,
                scenes,
                thresholds,
                ..defaults
            };
            made(&making, &Maker::SelfGrow(settings, student))
        }
        Generate::Levels(Levels { making, site, count, width, height, by, retries, base, no_schema, known, adapter, student }) => {
            let rules = ::levels::LevelRules { base: base.try_into()?, ..::levels::LevelRules::default() };
            let defaults = levels::Settings::default();
            let settings = levels::Settings { site, count, width, height, by, retries, rules, known, ..defaults };
            made(&making, &Maker::Levels(settings, LevelModels { no_schema, adapter, base: student }))
        }
    }
}

impl Maker {
    fn name(&self) -> &'static str {
        match self {
            Self::SelfInstruct(_) => self_instruct::PIPELINE,
            Self::Bootstrap(_) => bootstrap::PIPELINE,
            Self::SelfGrow(..) => self_growth::PIPELINE,
            Self::Levels(..) => levels::PIPELINE,
        }
    }

    /// Its settings: a run is only gone on with under the same.
    fn arguments(&self) -> serde_json::Result<serde_json::Value> {
        match self {
            Self::SelfInstruct(settings) => serde_json::to_value(settings),
            Self::Bootstrap(settings) => serde_json::to_value(settings),
            Self::SelfGrow(settings, _) => serde_json::to_value(settings),
            Self::Levels(settings, _) => serde_json::to_value(settings),
        }
    }

    fn plan(&self, prompts: &Prompts) -> Result<Vec<Planned>, GenerateError> {
        match self {
            Self::SelfInstruct(settings) => self_instruct::plan(prompts, settings),
            Self::Bootstrap(settings) => bootstrap::plan(prompts, settings),
            Self::SelfGrow(settings, _) => self_growth::plan(prompts, settings),
            Self::Levels(settings, _) => levels::plan(prompts, settings),
        }
    }

    /// The student that it asks, taught first where that was asked for.
    async fn student(&self, making: &Making, opened: &Opened) -> Result<Option<Arc<dyn ChatModel>>, app::Error> {
        let (settings, student) = match self {
            Self::SelfGrow(settings, student) => (settings, student),
            Self::Levels(settings, LevelModels { adapter, base, .. }) if settings.by == levels::By::Student => {
                let pupil = Pupil::new(&opened.settings, base.as_deref())?;
                return Ok(Some(pupil.open(adapter.as_deref()).await?));
            }
            _ => return Ok(None),
        };
        let pupil = Pupil::new(&opened.settings, student.base.as_deref())?;
        let folder = opened.folder(making, self.name());
        let adapter = if student.learn {
            let prompts = Prompts::load(making.prompts.as_deref())?;
            let examples = self_growth::lessons(&prompts, settings, making.seed)?;
            Some(pupil.learn(&folder.join("lesson"), examples).await?)
        } else {
            student.adapter.clone()
        };
        Ok(Some(pupil.open(adapter.as_deref()).await?))
    }

    async fn make(&self, run: &mut Run) -> Result<(), GenerateError> {
        match self {
            Self::SelfInstruct(settings) => self_instruct::make(run, settings).await,
            Self::Bootstrap(settings) => bootstrap::make(run, settings).await,
            Self::SelfGrow(settings, _) => self_growth::make(run, settings).await,
            Self::Levels(settings, _) => levels::make(run, settings).await,
        }
    }
}

fn made(making: &Making, maker: &Maker) -> Outcome {
    app::runtime()?.block_on(async {
        let opened = Opened::new(making).await?;
        if making.dry_run {
            let prompts = Prompts::load(making.prompts.as_deref())?;
            let estimate = generate::Estimate::of(maker.plan(&prompts)?, &opened.limits);
            summary::estimate(&estimate, &opened).iter().try_for_each(|line| print_line(line))?;
            return Ok(ExitCode::SUCCESS);
        }
        let student = maker.student(making, &opened).await?;
        let mut run = opened.begin(making, maker.name(), maker.arguments()?, student)?;
        if let Maker::Levels(_, LevelModels { no_schema: false, .. }) = maker {
            run.teacher.ask_as(levels::LEVEL, opened.with_schema("level", levels::level_schema()));
            run.teacher.ask_as(levels::MAP, opened.with_schema("map", levels::map_schema()));
        }
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
