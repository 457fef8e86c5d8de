//! The makers: what the command line says of each, as its settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use generate::prompts::Prompts;
use generate::{
    GenerateError, Planned, Run, autoif, bootstrap, dialogue, levels, self_growth, self_instruct, self_play,
};
use verify::VerifierSettings;
use wire::ChatModel;

use super::autoif::{AutoIfTools, settings as autoif_settings};
use super::open::Opened;
use super::pupil::{Kto, Pupil};
use crate::app;
use crate::cli::generate::{
    Bootstrap, Levels, Make, Making, RequestSource, Scenes, SelfGrow, SelfInstruct, SelfPlay, Student,
};

/// What an answer of self-play must pass where no file says otherwise.
const SELF_PLAY_VERIFIERS: &str = include_str!("../../../../seeds/self_play/verifiers.toml");

/// A maker with its settings.
pub(super) enum Maker {
    SelfInstruct(self_instruct::Settings),
    Bootstrap(bootstrap::Settings),
    SelfGrow(self_growth::Settings, Student),
    SelfPlay(self_play::Settings, Play),
    AutoIf(autoif::Settings, AutoIfTools),
    Levels(levels::Settings, LevelModels),
}

/// Whom the maker of levels asks, and how.
pub(super) struct LevelModels {
    no_schema: bool,
    student: Student,
}

/// What self-play needs besides its settings.
pub(super) struct Play {
    pub(super) student: Student,
    pub(super) iterate: Option<u32>,
    pub(super) sft: Option<PathBuf>,
    pub(super) kto: Kto,
}

impl Play {
    /// The same for one round of several.
    pub(super) fn like(&self) -> Self {
        let student = Student { adapter: None, learn: false, base: self.student.base.clone() };
        Self { student, iterate: None, sft: None, ..*self }
    }
}

/// The maker that the command line names.
pub(super) fn of(what: Make) -> Result<(Making, Maker), app::Error> {
    Ok(match what {
        Make::SelfInstruct(arguments) => {
            let SelfInstruct { making, site, count, human_share, rouge_max, tasks } = arguments;
            let thresholds = self_instruct::Thresholds { rouge_max, ..self_instruct::Thresholds::default() };
            let defaults = self_instruct::Settings::default();
            let settings = self_instruct::Settings { site, count, human_share, tasks, thresholds, ..defaults };
            (making, Maker::SelfInstruct(settings))
        }
        Make::Bootstrap(Bootstrap { making, scenes, count }) => {
            let Scenes { turns_max, personas, scenes, rouge_max } = scenes;
            let (thresholds, defaults) = (speech(rouge_max), bootstrap::Settings::default());
            let settings = bootstrap::Settings { count, turns_max, personas, scenes, thresholds, ..defaults };
            (making, Maker::Bootstrap(settings))
        }
        Make::SelfGrow(SelfGrow { making, scenes, student, from, sizes, shown, anchor_share }) => {
            let Scenes { turns_max, personas, scenes, rouge_max } = scenes;
            let (thresholds, defaults) = (speech(rouge_max), self_growth::Settings::default());
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
            (making, Maker::SelfGrow(settings, student))
        }
        Make::SelfPlay(arguments) => played(arguments)?,
        Make::AutoIf(arguments) => {
            let settings = autoif_settings(&arguments)?;
            (arguments.making, Maker::AutoIf(settings, AutoIfTools { verifier: arguments.verifier }))
        }
        Make::Levels(arguments) => {
            let Levels { making, site, count, width, height, by, retries, base, no_schema, known, adapter, student } =
                arguments;
            let rules = ::levels::LevelRules { base: base.try_into()?, ..::levels::LevelRules::default() };
            let defaults = levels::Settings::default();
            let settings = levels::Settings { site, count, width, height, by, retries, rules, known, ..defaults };
            let student = Student { adapter, learn: false, base: student };
            (making, Maker::Levels(settings, LevelModels { no_schema, student }))
        }
    })
}

fn speech(rouge_max: f64) -> dialogue::Thresholds {
    dialogue::Thresholds { asked_rouge_max: rouge_max, ..dialogue::Thresholds::default() }
}

fn played(arguments: SelfPlay) -> Result<(Making, Maker), app::Error> {
    let SelfPlay { making, student, site, count, requests, prompt_set, templates, slots, personas, verifiers, .. } =
        arguments;
    let text = match &verifiers {
        None => SELF_PLAY_VERIFIERS.to_owned(),
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?
        }
    };
    let file = verifiers.as_ref().map_or_else(|| "the built-in verifiers".into(), |path| path.display().to_string());
    let verifiers: VerifierSettings = toml::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
    let sources = requests.iter().map(|source| match source {
        RequestSource::Guided => self_play::Source::Guided,
        RequestSource::Templates => self_play::Source::Templates,
        RequestSource::Student => self_play::Source::Student,
        RequestSource::Teacher => self_play::Source::Teacher,
    });
    let settings = self_play::Settings {
        site,
        count,
        sources: sources.collect(),
        prompt_set,
        templates,
        slots,
        personas,
        system: !arguments.no_system,
        max_tokens: arguments.max_tokens,
        verifiers,
        ..self_play::Settings::default()
    };
    let SelfPlay { iterate, sft, learning_rate, beta, .. } = arguments;
    Ok((making, Maker::SelfPlay(settings, Play { student, iterate, sft, kto: Kto { learning_rate, beta } })))
}

impl Maker {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::SelfInstruct(_) => self_instruct::PIPELINE,
            Self::Bootstrap(_) => bootstrap::PIPELINE,
            Self::SelfGrow(..) => self_growth::PIPELINE,
            Self::SelfPlay(..) => self_play::PIPELINE,
            Self::AutoIf(..) => autoif::PIPELINE,
            Self::Levels(..) => levels::PIPELINE,
        }
    }

    /// Its settings: a run is only gone on with under the same.
    pub(super) fn arguments(&self) -> serde_json::Result<serde_json::Value> {
        match self {
            Self::SelfInstruct(settings) => serde_json::to_value(settings),
            Self::Bootstrap(settings) => serde_json::to_value(settings),
            Self::SelfGrow(settings, _) => serde_json::to_value(settings),
            Self::SelfPlay(settings, _) => serde_json::to_value(settings),
            Self::AutoIf(settings, _) => serde_json::to_value(settings),
            Self::Levels(settings, _) => serde_json::to_value(settings),
        }
    }

    pub(super) fn plan(&self, prompts: &Prompts) -> Result<Vec<Planned>, GenerateError> {
        match self {
            Self::SelfInstruct(settings) => self_instruct::plan(prompts, settings),
            Self::Bootstrap(settings) => bootstrap::plan(prompts, settings),
            Self::SelfGrow(settings, _) => self_growth::plan(prompts, settings),
            Self::SelfPlay(settings, _) => self_play::plan(prompts, settings),
            Self::AutoIf(settings, _) => autoif::plan(prompts, settings, sandbox::SUBSET),
            Self::Levels(settings, _) => levels::plan(prompts, settings),
        }
    }

    /// At which stages the teacher is held to which schema.
    pub(super) fn schemas(&self) -> Vec<(&'static str, &'static str, serde_json::Value)> {
        match self {
            Self::Levels(_, LevelModels { no_schema: false, .. }) => {
                vec![(levels::LEVEL, "level", levels::level_schema()), (levels::MAP, "map", levels::map_schema())]
            }
            _ => Vec::new(),
        }
    }

    /// The student that it asks, taught first where that was asked for.
    pub(super) async fn student(
        &self,
        making: &Making,
        opened: &Opened,
        folder: &Path,
    ) -> Result<Option<Arc<dyn ChatModel>>, app::Error> {
        let (student, lessons) = match self {
            Self::SelfInstruct(_) | Self::Bootstrap(_) | Self::AutoIf(..) => return Ok(None),
            Self::SelfGrow(settings, student) => (student, Some(settings)),
            Self::SelfPlay(_, play) => (&play.student, None),
            Self::Levels(settings, models) if settings.by == levels::By::Student => (&models.student, None),
            Self::Levels(..) => return Ok(None),
        };
        let pupil = Pupil::new(&opened.settings, student.base.as_deref())?;
        let adapter = match lessons {
            Some(settings) if student.learn => {
                let prompts = Prompts::load(making.prompts.as_deref())?;
                let examples = self_growth::lessons(&prompts, settings, making.seed)?;
                Some(pupil.learn(&folder.join("lesson"), examples).await?)
            }
            _ => student.adapter.clone(),
        };
        Ok(Some(pupil.open(adapter.as_deref()).await?))
    }

    pub(super) async fn make(&self, run: &mut Run, opened: &Opened) -> Result<(), GenerateError> {
        match self {
            Self::SelfInstruct(settings) => self_instruct::make(run, settings).await,
            Self::Bootstrap(settings) => bootstrap::make(run, settings).await,
            Self::SelfGrow(settings, _) => self_growth::make(run, settings).await,
            Self::SelfPlay(settings, _) => self_play::make(run, settings).await,
            Self::AutoIf(settings, tools) => tools.make(run, settings, &opened.settings).await,
            Self::Levels(settings, _) => levels::make(run, settings).await,
        }
    }
}
