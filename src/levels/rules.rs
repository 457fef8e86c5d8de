//! What is a matter of convention: where coordinates begin, which cells touch.

use serde::{Deserialize, Serialize};

/// Cells along either side of a level, at least and at most.
pub const SIDE_MIN: i64 = 3;
pub const SIDE_MAX: i64 = 64;
/// Share of the floor that the player must be able to reach.
pub const REACHABLE_MIN: f64 = 0.95;
/// Steps to the nearest enemy, at least.
pub const SPAWN_STEPS_MIN: usize = 3;
/// Enemies per cell of floor, at most.
pub const ENEMY_DENSITY_MAX: f64 = 0.15;
/// Share of blocked cells.
pub const WALL_DENSITY: std::ops::RangeInclusive<f64> = 0.02..=0.5;

/// How levels are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LevelRules {
    /// The first coordinate of a side: 1 in Jac's own examples, 0 in its fork.
    pub base: CoordinateBase,
    /// How many neighbours a cell has: 4 or 8.
    pub connectivity: Connectivity,
}

/// The first coordinate of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum CoordinateBase {
    Zero,
    #[default]
    One,
}

/// Which cells touch: by their sides, or by their corners too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Connectivity {
    #[default]
    Four,
    Eight,
}

/// A number that names no convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownRule {
    #[error("the coordinate base of a level is 0 or 1, not {0}")]
    Base(u8),
    #[error("the connectivity of a level is 4 or 8, not {0}")]
    Connectivity(u8),
}

impl TryFrom<u8> for CoordinateBase {
    type Error = UnknownRule;

    fn try_from(base: u8) -> Result<Self, UnknownRule> {
        match base {
            0 => Ok(Self::Zero),
            1 => Ok(Self::One),
            other => Err(UnknownRule::Base(other)),
        }
    }
}

impl From<CoordinateBase> for u8 {
    fn from(base: CoordinateBase) -> Self {
        match base {
            CoordinateBase::Zero => 0,
            CoordinateBase::One => 1,
        }
    }
}

impl TryFrom<u8> for Connectivity {
    type Error = UnknownRule;

    fn try_from(neighbours: u8) -> Result<Self, UnknownRule> {
        match neighbours {
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            other => Err(UnknownRule::Connectivity(other)),
        }
    }
}

impl From<Connectivity> for u8 {
    fn from(connectivity: Connectivity) -> Self {
        match connectivity {
            Connectivity::Four => 4,
            Connectivity::Eight => 8,
        }
    }
}
