//! How one game stands: its last levels, its difficulty, the level whose map is wanted.

use ::levels::{Level, Name, Request};
use rand::RngExt;
use serde_json::{Value, json};
use wire::Sampling;

use super::{Settings, chance};
use crate::GenerateError;

/// Levels that the next one is planned from.
const LAST: usize = 3;
/// Levels after which the difficulty rises by one.
const RISES_EVERY: u32 = 2;
const TEMPERATURE: f32 = 1.0;
const TOP_P: f32 = 0.95;
/// Seconds of the example level of a plan.
const TIME: i64 = 120;

pub(super) struct Game {
    pub(super) number: usize,
    /// The level that is asked for, from 0.
    pub(super) step: u32,
    begun: bool,
    /// The levels so far with the ids of their items, the last one last.
    last: Vec<(Level, String)>,
    /// The level whose map is wanted, and its item's id.
    pub(super) planned: Option<(Level, String)>,
    has_map: bool,
    /// What was wrong with the last try.
    pub(super) findings: Vec<String>,
}

impl Game {
    pub(super) fn new(number: usize) -> Self {
        Self { number, step: 0, begun: false, last: Vec::new(), planned: None, has_map: false, findings: Vec::new() }
    }

    /// Goes on to the next level.
    pub(super) fn begin_step(&mut self) {
        self.step += u32::from(self.begun);
        self.begun = true;
        (self.planned, self.has_map) = (None, false);
    }

    fn difficulty(&self) -> i64 {
        1 + i64::from(self.step / RISES_EVERY)
    }

    /// Tells this game's questions at this step from all others.
    pub(super) fn draw(&self) -> u64 {
        ((self.number as u64) << 16) + u64::from(self.step)
    }

    /// How this question is drawn: anew for every game, step and try.
    pub(super) fn sampling(&self, seed: u64, attempt: u32) -> Sampling {
        // 31 bits: servers read it into whatever integer they have, some into a double.
        let seed = u64::from(chance(seed, (self.draw() << 8) + u64::from(attempt)).random::<u32>() >> 1);
        Sampling::Random { temperature: TEMPERATURE, top_p: TOP_P, seed: Some(seed) }
    }

    pub(super) fn parents(&self) -> Vec<String> {
        self.last.iter().map(|(_, id)| id.clone()).collect()
    }

    /// What the next level is asked to be: counts are the most that may be.
    pub(super) fn request(&self, settings: &Settings) -> Request {
        let (walls, enemies) = most(settings);
        Request { width: settings.width, height: settings.height, walls, enemies, difficulty: self.difficulty() }
    }

    /// The slots of the question for the next level.
    pub(super) fn slots(&self, settings: &Settings) -> Value {
        let Request { width, height, walls, enemies, difficulty } = self.request(settings);
        let last: Vec<String> = self.last.iter().map(|(level, _)| text(level)).collect();
        json!({
            "width": width, "height": height, "difficulty": difficulty, "last": last, "number": self.step + 1,
            "walls_max": walls, "enemies_max": enemies,
        })
    }

    /// A level was planned.
    pub(super) fn plan(&mut self, level: Level, id: &str) {
        self.last.push((level.clone(), id.to_owned()));
        if self.last.len() > LAST {
            self.last.remove(0);
        }
        self.planned = Some((level, id.to_owned()));
    }

    pub(super) fn wants_map(&self) -> bool {
        self.planned.is_some() && !self.has_map
    }

    pub(super) fn done(&mut self) {
        self.has_map = true;
    }

    /// The slots of the question for the map.
    pub(super) fn map_slots(&self, settings: &Settings) -> Value {
        let (level, _) = self.planned.clone().unwrap_or_default();
        let base = i64::from(u8::from(settings.rules.base));
        json!({
            "level": text(&level), "base": base, "last_x": settings.width - 1 + base, "last_y": settings.height - 1 + base,
            "findings": self.findings,
        })
    }

    /// A level as one might be planned, for estimates.
    pub(super) fn example(&self, settings: &Settings) -> Level {
        let Request { width, height, walls, enemies, difficulty } = self.request(settings);
        Level {
            name: Some(Name::Number(1)),
            difficulty: Some(difficulty),
            time: Some(TIME),
            width,
            height,
            num_wall: walls,
            num_enemies: enemies,
            ..Level::default()
        }
    }
}

/// Walls and enemies of a level, at most.
pub(super) fn most(settings: &Settings) -> (i64, i64) {
    let shorter = settings.width.min(settings.height);
    (shorter / 2, (shorter * 2 / 5).max(2))
}

/// The slots of the request that a game would send for a map of `level`.
pub(super) fn request_slots(level: &Level, settings: &Settings) -> Result<Value, GenerateError> {
    let value = serde_json::to_value(level).map_err(std::io::Error::from)?;
    Ok(json!({ "level": value, "json": text(level), "base": u8::from(settings.rules.base) }))
}

/// A level as minified JSON.
fn text(level: &Level) -> String {
    serde_json::to_string(level).unwrap_or_default()
}
