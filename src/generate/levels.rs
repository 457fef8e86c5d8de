//! Levels of a role-playing game and their maps (seed 002): asked of the teacher, or of the student with retries.
//!
//! Games are played side by side. In each the next `Level` is asked for from the last three and a difficulty that rises by one every second
//! level, then its `Map`; a map with an error is asked for again, its findings told. Every try is an item with all its findings; a sound
//! map becomes an example: the request a game would send, the map as minified JSON.
//!
//! - `game`: how a game stands; `answer`: what was said, held against what was asked; `measures`: the figures; `pictures`: maps to look at;
//!   `schema`: the form that a teacher can be held to.

mod answer;
mod game;
mod measures;
mod pictures;
mod schema;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use ::levels::LevelRules;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use wire::{Role, Turn};

pub use schema::{level as level_schema, map as map_schema};

use crate::prompts::{Prompts, question};
use crate::run::{Ask, Asker, Call, Run};
use crate::{GenerateError, Planned, limits};
use game::Game;
use measures::Made;

/// The maker's name.
pub const PIPELINE: &str = "levels";
/// The stages.
pub const LEVEL: &str = "levels";
pub const MAP: &str = "maps";
/// Sides that can be asked for.
const SIDES: std::ops::RangeInclusive<i64> = 5..=64;
const RETRIES_MAX: u32 = 20;

/// Who is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    #[default]
    Teacher,
    Student,
}

impl std::str::FromStr for By {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "teacher" => Ok(Self::Teacher),
            "student" => Ok(Self::Student),
            other => Err(format!("`{other}` is neither teacher nor student")),
        }
    }
}

/// What a run is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The call site that learns from the examples.
    pub site: String,
    /// Levels to ask for, each with its map.
    pub count: usize,
    /// Levels of one game.
    pub game_levels: usize,
    /// Games at a time.
    pub games_at_once: usize,
    pub width: i64,
    pub height: i64,
    pub by: By,
    /// More tries after a map with an error.
    pub retries: u32,
    pub rules: LevelRules,
    /// JSONL of examples (another run's `examples.jsonl`) whose maps are known: novelty and patterns are measured against them.
    pub known: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            site: PIPELINE.to_owned(),
            count: 100,
            game_levels: 6,
            games_at_once: 8,
            width: 20,
            height: 20,
            by: By::Teacher,
            retries: 2,
            rules: LevelRules::default(),
            known: None,
        }
    }
}

/// Makes the levels and their maps, and measures them.
///
/// # Errors
/// What ends a run; bad answers do not.
pub async fn make(run: &mut Run, settings: &Settings) -> Result<(), GenerateError> {
    check(settings)?;
    let known = measures::known(run, settings)?;
    let (mut made, mut seen) = (Made::default(), BTreeSet::new());
    let games = settings.count.div_ceil(settings.game_levels);
    let mut first = 0;
    while first < games {
        let batch = first..(first + settings.games_at_once).min(games);
        let mut playing: Vec<Game> = batch.map(Game::new).collect();
        for step in 0..settings.game_levels {
            let asked = |game: &&mut Game| game.number * settings.game_levels + step < settings.count;
            let mut going: Vec<&mut Game> = playing.iter_mut().filter(asked).collect();
            next_levels(run, settings, &mut going).await?;
            maps(run, settings, &mut going, &mut made, &mut seen).await?;
        }
        first += settings.games_at_once;
    }
    measures::report(run, settings, &made, &known)?;
    pictures::draw(run, settings)
}

fn check(settings: &Settings) -> Result<(), GenerateError> {
    let wrong = |key, value: String, wanted| Err(GenerateError::Setting { key, value, wanted });
    limits::at_least_one(&[
        ("count", settings.count),
        ("game_levels", settings.game_levels),
        ("games_at_once", settings.games_at_once),
    ])?;
    for (key, side) in [("width", settings.width), ("height", settings.height)] {
        if !SIDES.contains(&side) {
            return wrong(key, side.to_string(), "must lie in 5 to 64");
        }
    }
    if settings.retries > RETRIES_MAX {
        return wrong("retries", settings.retries.to_string(), "must be at most 20");
    }
    Ok(())
}

/// Whoever answers.
fn asker<'a>(run: &'a Run, settings: &Settings) -> Result<&'a Asker, GenerateError> {
    match settings.by {
        By::Teacher => Ok(&run.teacher),
        By::Student => {
            let none =
                || GenerateError::Setting { key: "by", value: "student".into(), wanted: "needs a student to ask" };
            run.student.as_ref().ok_or_else(none)
        }
    }
}

/// The next level of every game; one whose answer is no level goes on without.
async fn next_levels(run: &mut Run, settings: &Settings, games: &mut [&mut Game]) -> Result<(), GenerateError> {
    let mut asks = Vec::new();
    for game in games.iter_mut() {
        game.begin_step();
        let text = run.prompts.render("levels/level", game.slots(settings))?;
        asks.push(Ask {
            stage: LEVEL,
            prompt: question(text, 200, game.sampling(run.facts.seed, 0)),
            draw: game.draw(),
        });
    }
    let calls = asker(run, settings)?.ask_all(asks).await?;
    for (game, call) in games.iter_mut().zip(calls) {
        if !run.answered("level answers", &call, true) {
            continue;
        }
        let text = call.text().unwrap_or_default();
        let mut item = run.item(&settings.site, LEVEL, &call, text);
        (item.round, item.parents) = (game.step, game.parents());
        let (level, checks) = answer::level(text, &game.request(settings));
        item.checks = checks;
        if let Some(level) = level.filter(|_| item.is_kept()) {
            item.parsed = serde_json::to_value(&level).map_err(std::io::Error::from)?;
            game.plan(level, &item.id);
        }
        run.take(LEVEL, item);
    }
    Ok(())
}

/// The map of every game's level, asked for again while it has an error and tries are left.
async fn maps(
    run: &mut Run,
    settings: &Settings,
    games: &mut [&mut Game],
    made: &mut Made,
    seen: &mut BTreeSet<::levels::canonical::MapHash>,
) -> Result<(), GenerateError> {
    games.iter_mut().for_each(|game| game.findings.clear());
    for attempt in 0..=settings.retries {
        let mut open: Vec<&mut &mut Game> = games.iter_mut().filter(|game| game.wants_map()).collect();
        let mut asks = Vec::new();
        for game in &open {
            let text = run.prompts.render("levels/map", game.map_slots(settings))?;
            let prompt = question(text, map_tokens(settings), game.sampling(run.facts.seed, attempt));
            asks.push(Ask { stage: MAP, prompt, draw: game.draw() * u64::from(RETRIES_MAX + 1) + u64::from(attempt) });
        }
        let calls = asker(run, settings)?.ask_all(asks).await?;
        for (game, call) in open.iter_mut().zip(calls) {
            one_map(run, settings, game, attempt, &call, made, seen)?;
        }
    }
    games.iter_mut().for_each(|game| made.give_up(game));
    Ok(())
}

/// One try at a map.
fn one_map(
    run: &mut Run,
    settings: &Settings,
    game: &mut Game,
    attempt: u32,
    call: &Arc<Call>,
    made: &mut Made,
    seen: &mut BTreeSet<::levels::canonical::MapHash>,
) -> Result<(), GenerateError> {
    made.asked(attempt, call);
    if !run.answered("map answers", call, true) {
        return Ok(());
    }
    let Some((level, parent)) = game.planned.clone() else { return Ok(()) };
    let text = call.text().unwrap_or_default();
    let mut item = run.item(&settings.site, MAP, call, text);
    (item.round, item.parents) = (attempt, vec![parent]);
    let found = answer::map(text, &level, settings.rules, seen);
    item.checks = found.checks;
    if let Some(map) = &found.map {
        let json = map.to_training_json().map_err(std::io::Error::other)?;
        item.parsed = serde_json::from_str(&json).map_err(std::io::Error::from)?;
        if item.is_kept() {
            let request = run.prompts.render("levels/request", game::request_slots(&level, settings)?)?;
            item.messages = vec![Turn::new(Role::User, request), Turn::new(Role::Assistant, json)];
            seen.extend(::levels::canonical::hash(map, settings.rules));
        }
    }
    made.judged(attempt, &level, found.map.as_ref(), found.is_valid);
    if found.is_valid {
        game.done();
    } else {
        game.findings = found.told;
    }
    run.take(MAP, item);
    Ok(())
}

/// Tokens that a map may take: a wall is about forty, an enemy about twelve.
fn map_tokens(settings: &Settings) -> u32 {
    let (walls, enemies) = game::most(settings);
    u32::try_from(150 + 45 * walls + 15 * enemies + 100).unwrap_or(u32::MAX)
}

/// A stream of chance for one question.
fn chance(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// What [`make`] would ask. A fifth of the maps is taken to need another try.
///
/// # Errors
/// When the settings or a template cannot be used.
pub fn plan(prompts: &Prompts, settings: &Settings) -> Result<Vec<Planned>, GenerateError> {
    check(settings)?;
    let mut game = Game::new(0);
    game.begin_step();
    let level = prompts.render("levels/level", game.slots(settings))?;
    let (walls, enemies) = game::most(settings);
    game.plan(game.example(settings), "");
    let map = prompts.render("levels/map", game.map_slots(settings))?;
    let retries = if settings.retries > 0 { settings.count / 5 } else { 0 };
    let tokens = u32::try_from(80 + 20 * walls + 6 * enemies).unwrap_or(u32::MAX);
    Ok(vec![Planned::new(LEVEL, settings.count, &level, 50), Planned::new(MAP, settings.count + retries, &map, tokens)])
}
