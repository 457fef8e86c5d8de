//! The rule by which earlier systems judged these maps, written anew from its description, to be compared with: never used to decide.
//!
//! A map passes where player and enemies stand inside, there are at least as many enemies as the level says, and each can be reached
//! in four directions. Cells under the player and the enemies count as free whatever lies there; diagonal walls do not count.

use crate::canonical;
use crate::grid::{Cells, Grid};
use crate::map::Map;
use crate::rules::{Connectivity, LevelRules};

/// Whether the earlier rule accepts `map`.
#[must_use]
pub fn accepts(map: &Map, rules: LevelRules) -> bool {
    let Some(grid) = Grid::of(&map.level, rules) else { return false };
    if i64::try_from(map.enemies.len()).is_ok_and(|enemies| enemies < map.level.num_enemies) {
        return false;
    }
    let Some(player) = grid.cell(map.player_pos) else { return false };
    let mut freed = Cells::default();
    freed.insert(player);
    for at in &map.enemies {
        let Some(cell) = grid.cell(*at) else { return false };
        freed.insert(cell);
    }
    let free = canonical::blocked(map, &grid).without(&freed).free(&grid);
    free.flood(player, Connectivity::Four).holds(&freed)
}
