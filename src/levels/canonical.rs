//! When two maps are one: the same size, blocked cells, enemies and player, however walls are cut and lists ordered.

use serde::{Deserialize, Serialize};

use crate::grid::{Cells, Grid};
use crate::map::{Map, Position};
use crate::rules::LevelRules;

/// The hash of a map's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MapHash([u8; 16]);

/// The canonical hash of `map`; none where its size is not permitted.
#[must_use]
pub fn hash(map: &Map, rules: LevelRules) -> Option<MapHash> {
    Some(hash_on(map, &Grid::of(&map.level, rules)?))
}

pub(crate) fn hash_on(map: &Map, grid: &Grid) -> MapHash {
    let blocked = blocked(map, grid);
    let mut hasher = blake3::Hasher::new();
    let mut number = |value: i64| {
        hasher.update(&value.to_le_bytes());
    };
    number(map.level.width);
    number(map.level.height);
    // Relative to the grid's first cell: the base is a way of writing.
    let first = grid.position((0, 0));
    let place = |at: &Position| (at.x.wrapping_sub(first.x), at.y.wrapping_sub(first.y));
    let mut enemies: Vec<(i64, i64)> = map.enemies.iter().map(place).collect();
    enemies.sort_unstable();
    for (x, y) in std::iter::once(place(&map.player_pos)).chain(enemies) {
        number(x);
        number(y);
    }
    grid.iter().for_each(|cell| number(i64::from(blocked.has(cell))));
    let bytes = hasher.finalize();
    MapHash(bytes.as_bytes().first_chunk().copied().unwrap_or_default())
}

/// The cells of walls and obstacles that lie inside.
#[must_use]
pub fn blocked(map: &Map, grid: &Grid) -> Cells {
    let mut cells = Cells::default();
    map.walls.iter().for_each(|wall| cells.add_wall(wall, grid));
    map.small_obstacles.iter().filter_map(|at| grid.cell(*at)).for_each(|cell| {
        cells.insert(cell);
    });
    cells
}
