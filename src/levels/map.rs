//! The objects of a level as Jac's programs pass them, and their JSON.
//!
//! Two writers are known: upstream (`name` a text, `time_countdown`, `n_retries_allowed`) and a fork (`name` a number, `time`). Both
//! are read; fields that neither has survive in `extra`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::LevelsError;

/// Bytes of a level's text, at most: the largest level with a wall, an obstacle or an enemy on every cell stays below it.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Walls, obstacles and enemies that are read, at most: a level of the largest size has 4,096 cells.
pub const PARTS_MAX: usize = 4096;

/// A cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    pub x: i64,
    pub y: i64,
}

impl Position {
    #[must_use]
    pub fn new(x: i64, y: i64) -> Self {
        Self { x, y }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({}, {})", self.x, self.y)
    }
}

/// A straight wall, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wall {
    pub start_pos: Position,
    pub end_pos: Position,
}

impl Wall {
    #[must_use]
    pub fn is_diagonal(&self) -> bool {
        self.start_pos.x != self.end_pos.x && self.start_pos.y != self.end_pos.y
    }

    /// Whether its end lies before its start: some renderers draw such a wall not at all.
    #[must_use]
    pub fn is_reversed(&self) -> bool {
        self.start_pos.x > self.end_pos.x || self.start_pos.y > self.end_pos.y
    }
}

/// What a level is called: a number in the fork, a text upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Name {
    Number(i64),
    Text(String),
}

/// What a map is made for. The order of the fields is that of the training text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Level {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub difficulty: Option<i64>,
    /// Seconds; the fork's name for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<i64>,
    /// Cells along either side.
    pub width: i64,
    pub height: i64,
    pub num_wall: i64,
    pub num_enemies: i64,
    /// Seconds; upstream's name for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_countdown: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub n_retries_allowed: Option<i64>,
    #[serde(flatten)]
    pub extra: serde_json::Map<String, Value>,
}

/// A level's cells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Map {
    pub level: Level,
    pub walls: Vec<Wall>,
    pub small_obstacles: Vec<Position>,
    pub enemies: Vec<Position>,
    pub player_pos: Position,
    #[serde(flatten)]
    pub extra: serde_json::Map<String, Value>,
}

impl Map {
    /// Reads JSON.
    ///
    /// # Errors
    /// When it is too long, is no map, or has more parts than a level has cells.
    pub fn parse(text: &str) -> Result<Self, LevelsError> {
        let text = within(text)?;
        let map: Self = serde_json::from_str(text.trim())
            .map_err(|error| LevelsError::Syntax { form: "a level", problem: error.to_string() })?;
        let parts = map.walls.len().max(map.small_obstacles.len()).max(map.enemies.len());
        if parts > PARTS_MAX {
            let problem = format!("{parts} parts of one kind, at most {PARTS_MAX} can be");
            return Err(LevelsError::Syntax { form: "a level", problem });
        }
        Ok(map)
    }

    /// The whole map as minified JSON, unknown fields included.
    ///
    /// # Errors
    /// Never for a map that was read.
    pub fn to_json(&self) -> Result<String, LevelsError> {
        Ok(serde_json::to_string(self)?)
    }

    /// The text that students learn: minified, keys in a fixed order, known fields only.
    ///
    /// # Errors
    /// Never for a map that was read.
    pub fn to_training_json(&self) -> Result<String, LevelsError> {
        let mut known = self.clone();
        known.extra.clear();
        known.level.extra.clear();
        known.to_json()
    }
}

/// `text`, unless it is longer than any level.
pub(crate) fn within(text: &str) -> Result<&str, LevelsError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(LevelsError::TooLong { bytes: text.len(), max: TEXT_BYTES_MAX });
    }
    Ok(text)
}
