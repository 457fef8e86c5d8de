//! The two faults that may be mended without a change to what a level means, each said; everything else stays as it is.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::map::{Map, Position, Wall};

/// What may be mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RepairPolicy {
    /// Drop an obstacle that is there already.
    pub duplicate_obstacles: bool,
    /// Swap the ends of a wall that runs backwards: some renderers draw it not at all.
    pub reversed_walls: bool,
}

impl RepairPolicy {
    pub const ALL: Self = Self { duplicate_obstacles: true, reversed_walls: true };
}

/// What was mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Repair {
    #[error("dropped a second obstacle at {0}")]
    DroppedObstacle(Position),
    #[error("swapped the ends of the wall from {0} to {1}")]
    SwappedWall(Position, Position),
}

/// Mends `map` as far as `policy` goes; says every change.
pub fn repair(map: &mut Map, policy: RepairPolicy) -> Vec<Repair> {
    let mut repairs = Vec::new();
    if policy.duplicate_obstacles {
        let mut seen = BTreeSet::new();
        map.small_obstacles.retain(|at| {
            let is_new = seen.insert(*at);
            if !is_new {
                repairs.push(Repair::DroppedObstacle(*at));
            }
            is_new
        });
    }
    if policy.reversed_walls {
        for wall in map.walls.iter_mut().filter(|wall| wall.is_reversed() && !wall.is_diagonal()) {
            repairs.push(Repair::SwappedWall(wall.start_pos, wall.end_pos));
            *wall = Wall { start_pos: wall.end_pos, end_pos: wall.start_pos };
        }
    }
    repairs
}
