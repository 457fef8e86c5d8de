//! What can be wrong with a map, or worth a look: one variant a rule, with its cells and values.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::map::Position;

/// A finding; its text begins with the rule's number. Rules E make a map invalid, rules W do not.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Finding {
    #[error("E1 not a level: {0}")]
    Schema(String),
    #[error("E2 a level of {width} x {height} cells, each side must be 3 to 64")]
    Size { width: i64, height: i64 },
    #[error("E3 the player at {0} is outside")]
    PlayerOutside(Position),
    #[error("E4 the player at {0} stands in a wall or obstacle")]
    PlayerBlocked(Position),
    #[error("E5 the enemy at {0} is outside")]
    EnemyOutside(Position),
    #[error("E6 the enemy at {0} stands in a wall or obstacle")]
    EnemyBlocked(Position),
    #[error("E7 two enemies at {0}")]
    EnemyTwice(Position),
    #[error("E8 the enemy at {0} stands on the player")]
    EnemyOnPlayer(Position),
    #[error("E9 {found} enemies, the level says {said}")]
    EnemyCount { found: usize, said: i64 },
    #[error("E10 the wall from {0} to {1} is diagonal")]
    WallDiagonal(Position, Position),
    #[error("E11 the wall from {0} to {1} is outside")]
    WallOutside(Position, Position),
    #[error("E12 {found} walls, the level says {said}")]
    WallCount { found: usize, said: i64 },
    #[error("E13 the player cannot reach the enemy at {0}")]
    EnemyUnreachable(Position),
    /// With a cell of the part that cannot be reached.
    #[error(
        "E14 the player can reach {reached} of {floor} free cells, less than 95 %; {unreached} is one that they cannot"
    )]
    Split { reached: usize, floor: usize, unreached: Position },
    #[error("E15 the obstacle at {0} is outside")]
    ObstacleOutside(Position),
    #[error("E15 the obstacle at {0} is there twice")]
    ObstacleTwice(Position),
    #[error("W1 {found} enemies are more than the {said} that the level says")]
    MoreEnemies { found: usize, said: i64 },
    #[error("W2 the enemy at {enemy} is {steps} steps from the player, fewer than 3")]
    SpawnUnsafe { enemy: Position, steps: usize },
    #[error("W3 {density:.3} enemies a free cell, more than 0.15")]
    EnemyDensity { density: f64 },
    #[error("W4 {density:.3} of all cells are blocked, outside 0.02 to 0.5")]
    WallDensity { density: f64 },
    #[error("W5 the same map as an earlier one")]
    Repeated,
    #[error("W6 difficulty {found}, {asked} was asked for")]
    Difficulty { found: i64, asked: i64 },
    #[error("W7 {what} = {value} is not positive")]
    NotPositive { what: &'static str, value: i64 },
}

impl Finding {
    /// `E1` to `E15`, `W1` to `W7`.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Schema(_) => "E1",
            Self::Size { .. } => "E2",
            Self::PlayerOutside(_) => "E3",
            Self::PlayerBlocked(_) => "E4",
            Self::EnemyOutside(_) => "E5",
            Self::EnemyBlocked(_) => "E6",
            Self::EnemyTwice(_) => "E7",
            Self::EnemyOnPlayer(_) => "E8",
            Self::EnemyCount { .. } => "E9",
            Self::WallDiagonal(..) => "E10",
            Self::WallOutside(..) => "E11",
            Self::WallCount { .. } => "E12",
            Self::EnemyUnreachable(_) => "E13",
            Self::Split { .. } => "E14",
            Self::ObstacleOutside(_) | Self::ObstacleTwice(_) => "E15",
            Self::MoreEnemies { .. } => "W1",
            Self::SpawnUnsafe { .. } => "W2",
            Self::EnemyDensity { .. } => "W3",
            Self::WallDensity { .. } => "W4",
            Self::Repeated => "W5",
            Self::Difficulty { .. } => "W6",
            Self::NotPositive { .. } => "W7",
        }
    }

    #[must_use]
    pub fn is_error(&self) -> bool {
        self.rule().starts_with('E')
    }

    /// The cells that it is about, in the map's own coordinates; some lie outside.
    #[must_use]
    pub fn cells(&self) -> Vec<Position> {
        match self {
            Self::PlayerOutside(at)
            | Self::PlayerBlocked(at)
            | Self::EnemyOutside(at)
            | Self::EnemyBlocked(at)
            | Self::EnemyTwice(at)
            | Self::EnemyOnPlayer(at)
            | Self::EnemyUnreachable(at)
            | Self::ObstacleOutside(at)
            | Self::ObstacleTwice(at)
            | Self::Split { unreached: at, .. }
            | Self::SpawnUnsafe { enemy: at, .. } => vec![*at],
            Self::WallDiagonal(start, end) | Self::WallOutside(start, end) => vec![*start, *end],
            _ => Vec::new(),
        }
    }

    /// What was found, and what it is held against, where these are numbers.
    #[must_use]
    pub fn values(&self) -> Option<(f64, f64)> {
        #[expect(clippy::cast_precision_loss, reason = "counts and small numbers")]
        let count = |found: usize, said: i64| Some((found as f64, said as f64));
        #[expect(clippy::cast_precision_loss, reason = "counts and small numbers")]
        match *self {
            Self::EnemyCount { found, said } | Self::WallCount { found, said } | Self::MoreEnemies { found, said } => {
                count(found, said)
            }
            Self::Split { reached, floor, .. } => {
                Some((reached as f64 / floor.max(1) as f64, crate::rules::REACHABLE_MIN))
            }
            Self::SpawnUnsafe { steps, .. } => Some((steps as f64, crate::rules::SPAWN_STEPS_MIN as f64)),
            Self::EnemyDensity { density } => Some((density, crate::rules::ENEMY_DENSITY_MAX)),
            Self::WallDensity { density } => {
                let range = crate::rules::WALL_DENSITY;
                Some((density, if density < *range.start() { *range.start() } else { *range.end() }))
            }
            Self::Difficulty { found, asked } => Some((found as f64, asked as f64)),
            Self::NotPositive { value, .. } => Some((value as f64, 1.0)),
            _ => None,
        }
    }
}

/// As `{"rule", "error", "cells", "value", "limit", "text"}`.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Finding", 6)?;
        fields.serialize_field("rule", self.rule())?;
        fields.serialize_field("error", &self.is_error())?;
        fields.serialize_field("cells", &self.cells())?;
        fields.serialize_field("value", &self.values().map(|(value, _)| value))?;
        fields.serialize_field("limit", &self.values().map(|(_, limit)| limit))?;
        fields.serialize_field("text", &self.to_string())?;
        fields.end()
    }
}
