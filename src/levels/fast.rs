//! Whether a map has no error, and nothing else: no allocation, rows of bits. For filters that see many maps.

use crate::grid::{Cells, Grid};
use crate::map::{Map, Position};
use crate::rules::LevelRules;
use crate::validate::is_split;

/// Whether [`crate::check`] would find no error E2 to E15.
#[must_use]
pub fn is_valid(map: &Map, rules: LevelRules) -> bool {
    let is_count = |count: usize, said: i64| i64::try_from(count) == Ok(said);
    if !is_count(map.walls.len(), map.level.num_wall) || !is_count(map.enemies.len(), map.level.num_enemies) {
        return false;
    }
    let Some(grid) = Grid::of(&map.level, rules) else { return false };
    let Some(blocked) = blocked(map, &grid) else { return false };
    let Some(player) = grid.cell(map.player_pos).filter(|cell| !blocked.has(*cell)) else { return false };
    let mut enemies = Cells::default();
    let stands =
        |at: &Position| grid.cell(*at).is_some_and(|cell| cell != player && !blocked.has(cell) && enemies.insert(cell));
    if !map.enemies.iter().all(stands) {
        return false;
    }
    let reached = blocked.free(&grid).flood(player, rules.connectivity);
    reached.holds(&enemies) && !is_split(reached.len(), grid.cells() - blocked.len())
}

/// The cells of walls and obstacles; none where one of them breaks a rule.
fn blocked(map: &Map, grid: &Grid) -> Option<Cells> {
    let mut blocked = Cells::default();
    for wall in &map.walls {
        let is_inside = grid.cell(wall.start_pos).is_some() && grid.cell(wall.end_pos).is_some();
        if wall.is_diagonal() || !is_inside {
            return None;
        }
        blocked.add_wall(wall, grid);
    }
    let mut obstacles = Cells::default();
    map.small_obstacles.iter().all(|at| grid.cell(*at).is_some_and(|cell| obstacles.insert(cell))).then_some(())?;
    Some(blocked.with(&obstacles))
}
