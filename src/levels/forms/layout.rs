//! A level as its cells, which every form can say: from a map, and back to one with its walls cut anew.

use crate::LevelsError;
use crate::canonical;
use crate::grid::{Cell, Cells, Grid};
use crate::map::{Level, Map, Name, Wall};
use crate::rules::{LevelRules, SIDE_MAX, SIDE_MIN};

/// Enemies that are read, at most.
const ENEMIES_MAX: usize = crate::map::PARTS_MAX;

/// The cells of a level and what else is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub width: usize,
    pub height: usize,
    pub walls: Cells,
    pub obstacles: Cells,
    pub enemies: Vec<Cell>,
    pub player: Cell,
    pub facts: Facts,
}

/// What forms with properties keep beside the cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub name: Option<Name>,
    pub numbers: Vec<(&'static str, i64)>,
}

/// The numbers of a level that are kept as properties.
pub(crate) const NUMBERS: [&str; 4] = ["difficulty", "time", "time_countdown", "n_retries_allowed"];

impl Layout {
    /// The cells of `map`; none where it has no permitted size, or where the player, an enemy, an obstacle or a wall's end is outside.
    #[must_use]
    pub fn of(map: &Map, rules: LevelRules) -> Option<Self> {
        let grid = Grid::of(&map.level, rules)?;
        let mut walls = Cells::default();
        for wall in &map.walls {
            grid.cell(wall.start_pos)?;
            grid.cell(wall.end_pos).filter(|_| !wall.is_diagonal())?;
            walls.add_wall(wall, &grid);
        }
        let mut obstacles = Cells::default();
        for at in &map.small_obstacles {
            obstacles.insert(grid.cell(*at)?);
        }
        let enemies = map.enemies.iter().map(|at| grid.cell(*at)).collect::<Option<Vec<Cell>>>()?;
        let level = &map.level;
        let values = [level.difficulty, level.time, level.time_countdown, level.n_retries_allowed];
        let numbers = NUMBERS.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect();
        let facts = Facts { name: level.name.clone(), numbers };
        let player = grid.cell(map.player_pos)?;
        Some(Self { width: grid.width, height: grid.height, walls, obstacles, enemies, player, facts })
    }

    /// As a map: walls are cut into as few pieces as a simple rule finds, rows first.
    ///
    /// # Errors
    /// When its size is not permitted, or it has more enemies than a level has cells.
    pub fn into_map(self, rules: LevelRules) -> Result<Map, LevelsError> {
        let side = |side: usize| i64::try_from(side).unwrap_or(i64::MAX);
        let (width, height) = (side(self.width), side(self.height));
        let grid = Grid::new(width, height, rules).ok_or_else(|| size("a level", width, height))?;
        if self.enemies.len() > ENEMIES_MAX {
            let problem = format!("{} enemies, at most {ENEMIES_MAX} can be", self.enemies.len());
            return Err(LevelsError::Syntax { form: "a level", problem });
        }
        let walls: Vec<Wall> = pieces(&self.walls, &grid)
            .into_iter()
            .map(|(start, end)| Wall { start_pos: grid.position(start), end_pos: grid.position(end) })
            .collect();
        let number = |name| self.facts.numbers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let level = Level {
            name: self.facts.name.clone(),
            difficulty: number("difficulty"),
            time: number("time"),
            time_countdown: number("time_countdown"),
            n_retries_allowed: number("n_retries_allowed"),
            width,
            height,
            num_wall: side(walls.len()),
            num_enemies: side(self.enemies.len()),
            ..Level::default()
        };
        Ok(Map {
            level,
            walls,
            small_obstacles: grid
                .iter()
                .filter(|cell| self.obstacles.has(*cell))
                .map(|cell| grid.position(cell))
                .collect(),
            enemies: self.enemies.iter().map(|cell| grid.position(*cell)).collect(),
            player_pos: grid.position(self.player),
            ..Map::default()
        })
    }
}

pub(crate) fn size(what: &str, width: i64, height: i64) -> LevelsError {
    LevelsError::Size { what: what.to_owned(), width, height, min: SIDE_MIN, max: SIDE_MAX }
}

/// A permitted size as cells.
pub(crate) fn sides(what: &str, width: i64, height: i64) -> Result<(usize, usize), LevelsError> {
    let grid = Grid::new(width, height, LevelRules::default()).ok_or_else(|| size(what, width, height))?;
    Ok((grid.width, grid.height))
}

/// Runs of at least two cells along rows, then along columns, then what is left, one by one.
fn pieces(cells: &Cells, grid: &Grid) -> Vec<(Cell, Cell)> {
    let mut left = *cells;
    let mut pieces = Vec::new();
    let mut runs = |swapped: bool, least: usize| {
        let (lines, length) = if swapped { (grid.width, grid.height) } else { (grid.height, grid.width) };
        let cell = |line: usize, at: usize| if swapped { (line, at) } else { (at, line) };
        for line in 0..lines {
            let mut at = 0;
            while at < length {
                let run = (at..length).take_while(|at| left.has(cell(line, *at))).count();
                if run >= least {
                    let mut gone = Cells::default();
                    (at..at + run).for_each(|at| {
                        gone.insert(cell(line, at));
                    });
                    left = left.without(&gone);
                    pieces.push((cell(line, at), cell(line, at + run - 1)));
                }
                at += run.max(1);
            }
        }
    };
    runs(false, 2);
    runs(true, 1);
    pieces
}

/// The canonical ASCII of `map`, which metrics compare; none where it cannot be laid out or two things stand in one cell.
#[must_use]
pub fn text(map: &Map, rules: LevelRules) -> Option<String> {
    let grid = Grid::of(&map.level, rules)?;
    let blocked = canonical::blocked(map, &grid);
    let enemies: std::collections::BTreeSet<Cell> = map.enemies.iter().filter_map(|at| grid.cell(*at)).collect();
    let player = grid.cell(map.player_pos);
    let letter = |cell: Cell| match cell {
        cell if player == Some(cell) => 'P',
        cell if enemies.contains(&cell) => 'E',
        cell if blocked.has(cell) => 'B',
        _ => '.',
    };
    let rows = (0..grid.height).map(|y| (0..grid.width).map(|x| letter((x, y))).collect::<String>());
    Some(rows.collect::<Vec<_>>().join("\n"))
}
