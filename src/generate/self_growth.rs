//! Self-growth (seed 000, phase 2): the student goes on where the teacher's scenes end, in rounds that each have a size to reach.
//!
//! At least three quarters of what a prompt shows are anchors, scenes by people or the teacher: a student that only sees itself
//! collapses. Every scene passes the same gates as the teacher's. After every step the round's answers are held against the anchors'
//! (`dialogue/collapse`); where they have become too much alike, growth stops, the round is dropped, and the report says why.

use std::path::PathBuf;

use dataset::ChatExample;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use wire::{Role, Turn};

use crate::bootstrap::Sources;
use crate::dialogue::collapse::{CollapseLimits, Diversity, collapsed};
use crate::dialogue::gates::Gates;
use crate::dialogue::quotas::Quotas;
use crate::dialogue::scenes::{self, Form, Personas, Wanted};
use crate::dialogue::{CharacterRole, Scene, Thresholds};
use crate::item::{Check, Item};
use crate::prompts::Prompts;
use crate::run::{Refused, Run, read_items};
use crate::{GenerateError, Planned, limits};

/// The maker's name.
pub const PIPELINE: &str = "self-grow";
const STAGE: &str = "grown scenes";

/// What a run is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The bootstrap's run.
    pub from: PathBuf,
    /// How many scenes there shall be after each round, the teacher's included.
    pub sizes: Vec<usize>,
    pub roles: Vec<CharacterRole>,
    /// Scenes that a prompt shows, and the share of them that are anchors, at least.
    pub shown: usize,
    pub anchor_share: f64,
    pub turns_max: usize,
    /// Calls of one step of a round, which all see the same pool.
    pub round_calls: usize,
    pub personas: Option<PathBuf>,
    pub scenes: Option<PathBuf>,
    pub thresholds: Thresholds,
    pub collapse: CollapseLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            from: PathBuf::new(),
            sizes: vec![1_000, 5_000, 10_000],
            roles: CharacterRole::ALL.to_vec(),
            shown: 4,
            anchor_share: 0.75,
            turns_max: 3,
            round_calls: 90,
            personas: None,
            scenes: None,
            thresholds: Thresholds::default(),
            collapse: CollapseLimits::default(),
        }
    }
}

/// What growth begins with.
struct Pool {
    personas: Personas,
    /// By people and the teacher.
    anchors: Vec<Scene>,
    /// By the student.
    grown: Vec<Scene>,
}

/// Grows round by round.
///
/// # Errors
/// What ends a run; bad lines of a file and bad answers do not.
pub async fn make(run: &mut Run, settings: &Settings) -> Result<(), GenerateError> {
    check(settings)?;
    let (mut pool, _, refused) = Pool::load(settings)?;
    refused.into_iter().for_each(|line| run.refuse(line));
    let mut gates = Gates::new(settings.thresholds)?;
    pool.anchors.iter().for_each(|scene| gates.known(scene));
    let anchors = answers(&pool.anchors);
    diversity(run, "anchors", &anchors);
    for (round, size) in (1..).zip(&settings.sizes) {
        let before = pool.grown.len();
        let why = grow(run, settings, &mut pool, &mut gates, &anchors, (round, *size)).await?;
        diversity(run, &format!("round {round}"), &answers(pool.grown.get(before..).unwrap_or_default()));
        if let Some(why) = why {
            run.drop_round(STAGE, round, &Check::plain("collapse", false).because(why.as_str()));
            return Err(GenerateError::Collapsed { round, why });
        }
    }
    Ok(())
}

fn check(settings: &Settings) -> Result<(), GenerateError> {
    limits::shares(&[("anchor_share", settings.anchor_share)])?;
    if !settings.sizes.is_sorted() || settings.sizes.is_empty() {
        let value = format!("{:?}", settings.sizes);
        return Err(GenerateError::Setting { key: "sizes", value, wanted: "must be one or more rising numbers" });
    }
    Ok(())
}

impl Pool {
    /// The human scenes, then those of the bootstrap; how many are human; and the lines that are none.
    fn load(settings: &Settings) -> Result<(Self, usize, Vec<Refused>), GenerateError> {
        let Sources { personas, human, mut refused } =
            Sources::load(settings.personas.as_deref(), settings.scenes.as_deref())?;
        let (items, others) = read_items(&settings.from)?;
        refused.extend(others);
        let kept = items.into_iter().filter(Item::is_kept);
        let scenes: Vec<Scene> = kept.filter_map(|item| serde_json::from_value(item.parsed).ok()).collect();
        if scenes.is_empty() {
            let from = settings.from.display();
            return Err(GenerateError::Nothing(format!(
                "{from} holds no kept scene to grow from: run `bootstrap` first"
            )));
        }
        let humans = human.len();
        let anchors = human.into_iter().chain(scenes).collect();
        Ok((Self { personas, anchors, grown: Vec::new() }, humans, refused))
    }
}

/// One round: to `size` scenes in all, or to the step after which its answers have become too much alike; then it says why.
async fn grow(
    run: &mut Run,
    settings: &Settings,
    pool: &mut Pool,
    gates: &mut Gates,
    anchors: &[String],
    (round, size): (u32, usize),
) -> Result<Option<String>, GenerateError> {
    let before = pool.grown.len();
    let mut quotas = Quotas::new(&settings.roles, size);
    pool.anchors.iter().chain(&pool.grown).for_each(|scene| quotas.take((scene.role, scene.act)));
    let form = form(settings);
    for step in 0.. {
        let mut rng = ChaCha8Rng::seed_from_u64(run.facts.seed);
        rng.set_stream((u64::from(round) << 32) + u64::from(step));
        let cells = quotas.next(settings.round_calls);
        let wanted = cells.into_iter().filter_map(|cell| {
            let shown = shown(&mut rng, pool, cell.0, settings);
            Wanted::draw(&mut rng, &pool.personas, cell, settings.turns_max, shown)
        });
        let wanted: Vec<Wanted<'_>> = wanted.collect();
        if wanted.is_empty() {
            break;
        }
        let grown = scenes::ask(run, &form, &pool.personas, gates, &mut quotas, &wanted, (round, step)).await?;
        pool.grown.extend(grown);
        let made = answers(pool.grown.get(before..).unwrap_or_default());
        if let Some(why) = collapsed(anchors, &made, settings.collapse) {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// Scenes of `role` to show: anchors, and of what was grown no more than `anchor_share` leaves.
fn shown<'a>(rng: &mut ChaCha8Rng, pool: &'a Pool, role: CharacterRole, settings: &Settings) -> Vec<&'a Scene> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a few")]
    let anchors_min = (settings.shown as f64 * settings.anchor_share).ceil() as usize;
    let of_role = |scenes: &'a [Scene]| scenes.iter().filter(|scene| scene.role == role).collect::<Vec<&Scene>>();
    let grown = of_role(&pool.grown);
    let grown: Vec<&Scene> = grown.sample(rng, settings.shown.saturating_sub(anchors_min)).copied().collect();
    let anchors = of_role(&pool.anchors);
    let mut shown: Vec<&Scene> = anchors.sample(rng, settings.shown - grown.len()).copied().collect();
    shown.extend(grown);
    shown.shuffle(rng);
    shown
}

fn form(settings: &Settings) -> Form {
    Form { template: "dialogue/grow", stage: STAGE, turns_max: settings.turns_max, thresholds: settings.thresholds }
}

fn answers(scenes: &[Scene]) -> Vec<String> {
    scenes.iter().map(Scene::answered).collect()
}

fn diversity(run: &mut Run, of: &str, texts: &[String]) {
    let Diversity { distinct_1, distinct_2, self_bleu_4, openings_repeated } = Diversity::of(texts, usize::MAX);
    run.figure(&format!("{of}: distinct-1"), distinct_1);
    run.figure(&format!("{of}: distinct-2"), distinct_2);
    run.figure(&format!("{of}: self-BLEU-4"), self_bleu_4);
    run.figure(&format!("{of}: repeated openings"), openings_repeated);
}

/// What teaches a student to write scenes: the teacher's scenes as answers to growth's own prompts.
///
/// # Errors
/// When the bootstrap's run or a template cannot be used.
pub fn lessons(prompts: &Prompts, settings: &Settings, seed: u64) -> Result<Vec<ChatExample>, GenerateError> {
    let (pool, humans, _) = Pool::load(settings)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::MAX);
    let form = form(settings);
    let mut examples = Vec::new();
    for scene in pool.anchors.get(humans..).unwrap_or_default() {
        let Some(persona) = pool.personas.get(&scene.persona) else { continue };
        let mut shown = shown(&mut rng, &pool, scene.role, settings);
        shown.retain(|other| other.id != scene.id);
        let wanted = Wanted { cell: (scene.role, scene.act), persona, turns: scene.turns.len(), shown };
        let asked = scenes::prompt_text(prompts, &form, &pool.personas, &wanted)?;
        examples.push(ChatExample::new(vec![Turn::new(Role::User, asked), Turn::new(Role::Assistant, scene.text())]));
    }
    Ok(examples)
}

/// What [`make`] would ask: the student alone, which costs nothing but time.
///
/// # Errors
/// When the settings cannot be used.
pub fn plan(_: &Prompts, settings: &Settings) -> Result<Vec<Planned>, GenerateError> {
    check(settings)?;
    Pool::load(settings)?;
    let scenes = settings.sizes.last().copied().unwrap_or(0);
    Ok(vec![Planned { stage: STAGE.to_owned(), calls: scenes as u64 * 2, prompt_tokens: 0, answer_tokens: 0 }])
}
