//! Whether a game level is playable: the rules of Jac's map objects, errors E1 to E15 (science 4.2).
//!
//! A level is `{"level": {...}, "walls": [{"start_pos", "end_pos"}], "small_obstacles": [], "enemies": [],
//! "player_pos"}`. Total and deterministic; repairs nothing. Wall ends may stand in either order; cells are neighbours
//! in four directions. Warnings (W1 to W7) are not judged here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Cells along either side of a level, at least and at most.
const SIDE_MIN: i64 = 3;
const SIDE_MAX: i64 = 64;
/// Share of the floor that the player must be able to reach.
const REACHABLE_MIN: f64 = 0.95;
/// Walls, obstacles and enemies that are read, at most: a level of the largest size has 4,096 cells.
const PARTS_MAX: usize = 4096;

/// How levels are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LevelRules {
    /// The first coordinate of a side: 1 in Jac's own examples, 0 in its fork.
    pub base: CoordinateBase,
}

/// The first coordinate of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum CoordinateBase {
    Zero,
    #[default]
    One,
}

/// A base that is neither 0 nor 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the coordinate base of a level is 0 or 1, not {0}")]
pub struct UnknownBase(u8);

impl TryFrom<u8> for CoordinateBase {
    type Error = UnknownBase;

    fn try_from(base: u8) -> Result<Self, UnknownBase> {
        match base {
            0 => Ok(Self::Zero),
            1 => Ok(Self::One),
            other => Err(UnknownBase(other)),
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

/// Why a level is not playable; the text begins with the rule's number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    #[error("E1 not a level: {0}")]
    Schema(String),
    #[error("E2 a level of {0} x {1} cells, each side must be 3 to 64")]
    Size(i64, i64),
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
    #[error("E14 the player can reach {reached} of {floor} free cells, less than 95 %")]
    Split { reached: usize, floor: usize },
    #[error("E15 the obstacle at {0} is outside or there twice")]
    Obstacle(Position),
}

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Position {
    pub x: i64,
    pub y: i64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({}, {})", self.x, self.y)
    }
}

/// Unknown fields are let through: the two known writers of levels differ in `time`, `name` and the retries.
#[derive(Deserialize)]
struct Map {
    level: Level,
    walls: Vec<Wall>,
    small_obstacles: Vec<Position>,
    enemies: Vec<Position>,
    player_pos: Position,
}

#[derive(Deserialize)]
struct Level {
    width: i64,
    height: i64,
    num_wall: i64,
    num_enemies: i64,
}

#[derive(Deserialize)]
struct Wall {
    start_pos: Position,
    end_pos: Position,
}

/// Checks a level written as JSON.
///
/// # Errors
/// The first rule that it breaks, by the order of their numbers as far as later ones can be asked before earlier ones.
pub fn check(text: &str, rules: LevelRules) -> Result<(), LevelError> {
    let map: Map = serde_json::from_str(text.trim()).map_err(|error| LevelError::Schema(error.to_string()))?;
    let parts = map.walls.len().max(map.small_obstacles.len()).max(map.enemies.len());
    if parts > PARTS_MAX {
        return Err(LevelError::Schema(format!("{parts} parts, at most {PARTS_MAX} can be")));
    }
    let Level { width, height, .. } = map.level;
    if ![width, height].iter().all(|side| (SIDE_MIN..=SIDE_MAX).contains(side)) {
        return Err(LevelError::Size(width, height));
    }
    let grid = Grid { base: i64::from(u8::from(rules.base)), width, height };
    let blocked = blocked(&map, grid)?;
    check_places(&map, grid, &blocked)?;
    check_paths(&map, grid, &blocked)
}

#[derive(Clone, Copy)]
struct Grid {
    base: i64,
    width: i64,
    height: i64,
}

impl Grid {
    fn holds(self, at: Position) -> bool {
        let inside = |value, size| (self.base..self.base + size).contains(&value);
        inside(at.x, self.width) && inside(at.y, self.height)
    }

    fn cells(self) -> usize {
        usize::try_from(self.width * self.height).unwrap_or(0)
    }
}

/// The cells of walls and obstacles, after E10, E11, E12 and E15.
fn blocked(map: &Map, grid: Grid) -> Result<BTreeSet<Position>, LevelError> {
    let mut cells = BTreeSet::new();
    for Wall { start_pos: start, end_pos: end } in &map.walls {
        if !grid.holds(*start) || !grid.holds(*end) {
            return Err(LevelError::WallOutside(*start, *end));
        }
        if start.x != end.x && start.y != end.y {
            return Err(LevelError::WallDiagonal(*start, *end));
        }
        for x in start.x.min(end.x)..=start.x.max(end.x) {
            for y in start.y.min(end.y)..=start.y.max(end.y) {
                cells.insert(Position { x, y });
            }
        }
    }
    if i64::try_from(map.walls.len()) != Ok(map.level.num_wall) {
        return Err(LevelError::WallCount { found: map.walls.len(), said: map.level.num_wall });
    }
    let mut obstacles = BTreeSet::new();
    for at in &map.small_obstacles {
        if !grid.holds(*at) || !obstacles.insert(*at) {
            return Err(LevelError::Obstacle(*at));
        }
    }
    cells.append(&mut obstacles);
    Ok(cells)
}

/// Where the player and the enemies stand, and how many: E3 to E9.
fn check_places(map: &Map, grid: Grid, blocked: &BTreeSet<Position>) -> Result<(), LevelError> {
    let player = map.player_pos;
    if !grid.holds(player) {
        return Err(LevelError::PlayerOutside(player));
    }
    if blocked.contains(&player) {
        return Err(LevelError::PlayerBlocked(player));
    }
    let mut seen = BTreeSet::new();
    for &enemy in &map.enemies {
        if !grid.holds(enemy) {
            return Err(LevelError::EnemyOutside(enemy));
        }
        if blocked.contains(&enemy) {
            return Err(LevelError::EnemyBlocked(enemy));
        }
        if !seen.insert(enemy) {
            return Err(LevelError::EnemyTwice(enemy));
        }
        if enemy == player {
            return Err(LevelError::EnemyOnPlayer(enemy));
        }
    }
    if i64::try_from(map.enemies.len()) != Ok(map.level.num_enemies) {
        return Err(LevelError::EnemyCount { found: map.enemies.len(), said: map.level.num_enemies });
    }
    Ok(())
}

/// What the player can walk to: E13 and E14.
fn check_paths(map: &Map, grid: Grid, blocked: &BTreeSet<Position>) -> Result<(), LevelError> {
    let mut reached = BTreeSet::from([map.player_pos]);
    let mut open = vec![map.player_pos];
    while let Some(Position { x, y }) = open.pop() {
        for (x, y) in [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)] {
            let next = Position { x, y };
            if grid.holds(next) && !blocked.contains(&next) && reached.insert(next) {
                open.push(next);
            }
        }
    }
    if let Some(enemy) = map.enemies.iter().find(|enemy| !reached.contains(enemy)) {
        return Err(LevelError::EnemyUnreachable(*enemy));
    }
    let floor = grid.cells() - blocked.len();
    #[expect(clippy::cast_precision_loss, reason = "at most 4096 cells")]
    let is_split = (reached.len() as f64) < REACHABLE_MIN * floor as f64;
    if is_split { Err(LevelError::Split { reached: reached.len(), floor }) } else { Ok(()) }
}
