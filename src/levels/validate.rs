//! Every finding of a map, not only the first: errors E1 to E15 and warnings W1 to W7 (science 4.2). Repairs nothing.
//!
//! What cannot be asked is left out, and the reason stands among the findings: without a permitted size (E2) nothing is said about cells,
//! without a free cell under the player (E3, E4) nothing about paths. A wall that reaches outside blocks the cells that lie inside; a
//! diagonal wall blocks none. An enemy that is outside or blocked (E5, E6) is not also unreachable (E13).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::canonical::{self, MapHash};
use crate::finding::Finding;
use crate::grid::{Cell, Cells, Grid};
use crate::map::{Level, Map};
use crate::paths::Distances;
use crate::rules::{ENEMY_DENSITY_MAX, LevelRules, REACHABLE_MIN, SPAWN_STEPS_MIN, WALL_DENSITY};

/// What a level was asked to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub width: i64,
    pub height: i64,
    pub walls: i64,
    pub enemies: i64,
    pub difficulty: i64,
}

/// What a map is held against beside itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The hashes of earlier maps, for W5.
    pub previous: Option<&'a BTreeSet<MapHash>>,
    /// What was asked for, for W6.
    pub request: Option<Request>,
}

/// The findings of a map written as JSON, and the map where it is one.
#[must_use]
pub fn check_text(text: &str, rules: LevelRules, context: Context<'_>) -> (Option<Map>, Vec<Finding>) {
    match Map::parse(text) {
        Ok(map) => {
            let findings = check(&map, rules, context);
            (Some(map), findings)
        }
        Err(error) => (None, vec![Finding::Schema(error.to_string())]),
    }
}

/// The findings of `map`, the errors first.
#[must_use]
pub fn check(map: &Map, rules: LevelRules, context: Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    counts(map, &mut findings);
    if let Some(grid) = Grid::of(&map.level, rules) {
        let blocked = blocked(map, &grid, &mut findings);
        places(map, &grid, &blocked, &mut findings);
        paths(map, grid, &blocked, rules, &mut findings);
        densities(map, &grid, &blocked, &mut findings);
        let is_known = |previous: &BTreeSet<MapHash>| previous.contains(&canonical::hash_on(map, &grid));
        if context.previous.is_some_and(is_known) {
            findings.push(Finding::Repeated);
        }
    }
    asked(&map.level, context.request, &mut findings);
    // Stable: the order within a rule is that of the map's parts.
    findings.sort_by_key(|finding| (!finding.is_error(), number(finding)));
    findings
}

fn number(finding: &Finding) -> u32 {
    finding.rule().get(1..).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// What needs no cells: E2, E9, E12, W1, W7.
fn counts(map: &Map, findings: &mut Vec<Finding>) {
    let Level { width, height, num_wall, num_enemies, time, time_countdown, n_retries_allowed, .. } = map.level;
    if Grid::of(&map.level, LevelRules::default()).is_none() {
        findings.push(Finding::Size { width, height });
    }
    let (walls, enemies) = (map.walls.len(), map.enemies.len());
    if i64::try_from(enemies) != Ok(num_enemies) {
        findings.push(Finding::EnemyCount { found: enemies, said: num_enemies });
    }
    if i64::try_from(enemies).is_ok_and(|found| found > num_enemies) {
        findings.push(Finding::MoreEnemies { found: enemies, said: num_enemies });
    }
    if i64::try_from(walls) != Ok(num_wall) {
        findings.push(Finding::WallCount { found: walls, said: num_wall });
    }
    let positive = [("time", time), ("time_countdown", time_countdown), ("n_retries_allowed", n_retries_allowed)];
    let values = positive.into_iter().filter_map(|(what, value)| Some((what, value?)));
    findings.extend(values.filter(|(_, value)| *value <= 0).map(|(what, value)| Finding::NotPositive { what, value }));
}

/// The cells of walls and obstacles; E10, E11 and E15 on the way.
fn blocked(map: &Map, grid: &Grid, findings: &mut Vec<Finding>) -> Cells {
    let mut blocked = Cells::default();
    for wall in &map.walls {
        if wall.is_diagonal() {
            findings.push(Finding::WallDiagonal(wall.start_pos, wall.end_pos));
        }
        if grid.cell(wall.start_pos).is_none() || grid.cell(wall.end_pos).is_none() {
            findings.push(Finding::WallOutside(wall.start_pos, wall.end_pos));
        }
        blocked.add_wall(wall, grid);
    }
    let mut obstacles = Cells::default();
    for at in &map.small_obstacles {
        match grid.cell(*at) {
            None => findings.push(Finding::ObstacleOutside(*at)),
            Some(cell) if !obstacles.insert(cell) => findings.push(Finding::ObstacleTwice(*at)),
            Some(_) => {}
        }
    }
    blocked.with(&obstacles)
}

/// Where the player and the enemies stand: E3 to E8.
fn places(map: &Map, grid: &Grid, blocked: &Cells, findings: &mut Vec<Finding>) {
    let player = grid.cell(map.player_pos);
    match player {
        None => findings.push(Finding::PlayerOutside(map.player_pos)),
        Some(cell) if blocked.has(cell) => findings.push(Finding::PlayerBlocked(map.player_pos)),
        Some(_) => {}
    }
    let mut seen = BTreeSet::new();
    for at in &map.enemies {
        match grid.cell(*at) {
            None => findings.push(Finding::EnemyOutside(*at)),
            Some(cell) if blocked.has(cell) => findings.push(Finding::EnemyBlocked(*at)),
            Some(_) => {}
        }
        if !seen.insert(*at) {
            findings.push(Finding::EnemyTwice(*at));
        }
        if *at == map.player_pos {
            findings.push(Finding::EnemyOnPlayer(*at));
        }
    }
}

/// What the player can walk to: E13, E14, W2.
fn paths(map: &Map, grid: Grid, blocked: &Cells, rules: LevelRules, findings: &mut Vec<Finding>) {
    let Some(player) = grid.cell(map.player_pos).filter(|cell| !blocked.has(*cell)) else { return };
    let free = blocked.free(&grid);
    let distances = Distances::from(player, &free, grid, rules.connectivity);
    let mut nearest = None;
    for at in &map.enemies {
        let Some(cell) = grid.cell(*at).filter(|cell| free.has(*cell)) else { continue };
        match distances.to(cell) {
            None => findings.push(Finding::EnemyUnreachable(*at)),
            Some(steps) if nearest.is_none_or(|(_, least)| steps < least) => nearest = Some((*at, steps)),
            Some(_) => {}
        }
    }
    if let Some((enemy, steps)) = nearest.filter(|(_, steps)| *steps < SPAWN_STEPS_MIN) {
        findings.push(Finding::SpawnUnsafe { enemy, steps });
    }
    let (unreached, floor): (Vec<Cell>, usize) =
        (grid.iter().filter(|cell| free.has(*cell) && distances.to(*cell).is_none()).collect(), free.len());
    let reached = floor - unreached.len();
    if let (Some(cell), true) = (unreached.first(), is_split(reached, floor)) {
        findings.push(Finding::Split { reached, floor, unreached: grid.position(*cell) });
    }
}

/// Whether so little of the floor can be reached that the level counts as split.
#[expect(clippy::cast_precision_loss, reason = "at most 4,096 cells")]
pub(crate) fn is_split(reached: usize, floor: usize) -> bool {
    (reached as f64) < REACHABLE_MIN * floor as f64
}

/// W3 and W4.
#[expect(clippy::cast_precision_loss, reason = "at most 4,096 cells")]
fn densities(map: &Map, grid: &Grid, blocked: &Cells, findings: &mut Vec<Finding>) {
    let floor = grid.cells() - blocked.len();
    let density = map.enemies.len() as f64 / floor.max(1) as f64;
    if density > ENEMY_DENSITY_MAX {
        findings.push(Finding::EnemyDensity { density });
    }
    let density = blocked.len() as f64 / grid.cells() as f64;
    if !WALL_DENSITY.contains(&density) {
        findings.push(Finding::WallDensity { density });
    }
}

/// W6: an easier level than was asked for.
fn asked(level: &Level, request: Option<Request>, findings: &mut Vec<Finding>) {
    if let (Some(found), Some(Request { difficulty: asked, .. })) = (level.difficulty, request)
        && found < asked
    {
        findings.push(Finding::Difficulty { found, asked });
    }
}
