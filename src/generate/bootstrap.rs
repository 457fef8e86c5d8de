//! Conversational bootstrap (seed 000, phase 1): the teacher writes scenes for every role and speech act, as many of each.

use std::path::{Path, PathBuf};

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use crate::dialogue::gates::Gates;
use crate::dialogue::quotas::Quotas;
use crate::dialogue::scenes::{self, Form, Personas, Wanted};
use crate::dialogue::{CharacterRole, Scene, SpeechAct, Thresholds, persona};
use crate::facts::Refused;
use crate::prompts::Prompts;
use crate::records::Source;
use crate::run::Run;
use crate::{GenerateError, Planned};

/// The maker's name.
pub const PIPELINE: &str = "bootstrap";
const STAGE: &str = "scenes";
/// Human scenes that a prompt shows.
const SHOWN: usize = 2;

/// The scenes that people wrote, one of every role and act.
const HUMAN: (&str, &str) = ("seeds/scenes.jsonl", include_str!("../../seeds/scenes.jsonl"));

/// What a run is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Scenes to make, the same number for every role and act.
    pub count: usize,
    pub roles: Vec<CharacterRole>,
    /// Lines of the player in one scene.
    pub turns_max: usize,
    /// Calls of one round.
    pub round_calls: usize,
    /// JSONL files in place of the built-in ones.
    pub personas: Option<PathBuf>,
    pub scenes: Option<PathBuf>,
    pub thresholds: Thresholds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            count: 1_000,
            roles: CharacterRole::ALL.to_vec(),
            turns_max: 3,
            round_calls: 90,
            personas: None,
            scenes: None,
            thresholds: Thresholds::default(),
        }
    }
}

/// Makes scenes until every quota is full or has no try left.
///
/// # Errors
/// What ends a run; bad lines of a file and bad answers do not.
pub async fn make(run: &mut Run, settings: &Settings) -> Result<(), GenerateError> {
    let Sources { personas, human, refused } = Sources::load(settings.personas.as_deref(), settings.scenes.as_deref())?;
    refused.into_iter().for_each(|line| run.refuse(line));
    let mut gates = Gates::new(settings.thresholds)?;
    human.iter().for_each(|scene| gates.known(scene));
    let mut quotas = Quotas::new(&settings.roles, settings.count);
    let form = form(settings);
    for step in 0.. {
        let mut rng = ChaCha8Rng::seed_from_u64(run.facts.seed);
        rng.set_stream(u64::from(step));
        let cells = quotas.next(settings.round_calls);
        let wanted = cells.into_iter().filter_map(|cell| {
            let shown = shown(&mut rng, &human, cell.0);
            Wanted::draw(&mut rng, &personas, cell, settings.turns_max, shown)
        });
        let wanted: Vec<Wanted<'_>> = wanted.collect();
        if wanted.is_empty() {
            break;
        }
        scenes::ask(run, &form, &personas, &mut gates, &mut quotas, &wanted, (0, step)).await?;
    }
    Ok(())
}

/// Scenes of other roles: they show the form, not the words.
fn shown<'a>(rng: &mut ChaCha8Rng, human: &'a [Scene], role: CharacterRole) -> Vec<&'a Scene> {
    let others: Vec<&Scene> = human.iter().filter(|scene| scene.role != role).collect();
    others.sample(rng, SHOWN).copied().collect()
}

fn form(settings: &Settings) -> Form {
    Form { template: "dialogue/scene", stage: STAGE, turns_max: settings.turns_max, thresholds: settings.thresholds }
}

/// What scenes are made from: personas, and the scenes that people wrote; lines that are neither.
pub(crate) struct Sources {
    pub(crate) personas: Personas,
    pub(crate) human: Vec<Scene>,
    pub(crate) refused: Vec<Refused>,
}

impl Sources {
    pub(crate) fn load(personas: Option<&Path>, scenes: Option<&Path>) -> Result<Self, GenerateError> {
        let (personas, mut refused) = persona::load(personas)?;
        let (human, others) = Source { path: scenes, built_in: HUMAN }.records()?;
        refused.extend(others);
        let personas = personas.into_iter().map(|persona| (persona.id.clone(), persona)).collect();
        Ok(Self { personas, human, refused })
    }
}

/// What [`make`] would ask. Of the scenes a third is taken to fall.
///
/// # Errors
/// When a file or a template cannot be used.
pub fn plan(prompts: &Prompts, settings: &Settings) -> Result<Vec<Planned>, GenerateError> {
    let Sources { personas, human, .. } = Sources::load(settings.personas.as_deref(), settings.scenes.as_deref())?;
    let persona = personas.values().next().ok_or_else(|| GenerateError::Nothing("there is no persona".into()))?;
    let cell = (persona.role, SpeechAct::Ask);
    let wanted = Wanted { cell, persona, turns: settings.turns_max, shown: human.iter().take(SHOWN).collect() };
    let text = scenes::prompt_text(prompts, &form(settings), &Personas::new(), &wanted)?;
    Ok(vec![Planned::new(STAGE, settings.count * 3 / 2, &text, 120)])
}
