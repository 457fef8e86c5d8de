//! Levels and their maps: small ones from the facts that the prompt names, sound but for deliberate faults.

use ::levels::canonical::blocked;
use ::levels::grid::Grid;
use ::levels::{Level, LevelRules, Map, Name, Position, Wall, is_valid};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

/// Shares of what a model gets wrong: chatter around the JSON, a broken end, a wrong size, an enemy in a wall, a wall too few, a closed-in
/// enemy, the same level told otherwise.
const CHATTER: f64 = 0.10;
const BROKEN: f64 = 0.03;
const OTHER_SIZE: f64 = 0.03;
const IN_WALL: f64 = 0.06;
const TOO_FEW: f64 = 0.05;
const CLOSED_IN: f64 = 0.04;
const OTHER_LEVEL: f64 = 0.02;
/// Maps that are drawn until one is sound.
const DRAWS: usize = 200;
/// Seconds of an easy level; harder ones have less.
const SECONDS: i64 = 300;

/// The next level.
pub(super) fn level(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let number = |name: &str| number_after(asked, name);
    let (width, height, difficulty) = (number("Width: ")?, number("Height: ")?, number("Difficulty: ")?);
    let (walls, enemies) = (number("at least 1 and at most ")?, number("\"num_enemies\" is at least 1 and at most ")?);
    let count = |rng: &mut ChaCha8Rng, most: i64| (difficulty + rng.random_range(0..=2)).clamp(1, most.max(1));
    let level = Level {
        name: Some(Name::Number(number("the level's number, ")?)),
        difficulty: Some(difficulty),
        time: Some((SECONDS - 15 * difficulty).max(30)),
        width: if rng.random_bool(OTHER_SIZE) { width + 1 } else { width },
        height,
        num_wall: count(rng, walls),
        num_enemies: count(rng, enemies),
        ..Level::default()
    };
    let json = serde_json::to_string(&level).ok()?;
    Some(told(json, rng))
}

/// The map of a level.
pub(super) fn map(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let level: Level = serde_json::from_str(asked.split_once("Level: ")?.1.lines().next()?).ok()?;
    let base = number_after(asked, "Columns x are ")?;
    let rules = LevelRules { base: u8::try_from(base).ok()?.try_into().ok()?, ..LevelRules::default() };
    let grid = Grid::of(&level, rules)?;
    let mut map = (0..DRAWS).map(|_| drawn(&level, &grid, rng)).find(|map| is_valid(map, rules))?;
    spoil(&mut map, &grid, rng);
    Some(told(map.to_training_json().ok()?, rng))
}

/// A map with the right counts and nobody in a wall; not always sound.
fn drawn(level: &Level, grid: &Grid, rng: &mut ChaCha8Rng) -> Map {
    let cell =
        |rng: &mut ChaCha8Rng| grid.position((rng.random_range(0..grid.width), rng.random_range(0..grid.height)));
    let wall = |rng: &mut ChaCha8Rng| {
        let (start, across) = (cell(rng), rng.random_bool(0.5));
        let room = if across { level.width } else { level.height };
        let first = grid.position((0, 0));
        let long = rng.random_range(1..=(room / 3).max(1));
        let last = |from: i64, first: i64| (from + long).min(first + room - 1);
        let end_pos = if across {
            Position::new(last(start.x, first.x), start.y)
        } else {
            Position::new(start.x, last(start.y, first.y))
        };
        Wall { start_pos: start, end_pos }
    };
    let mut map = Map { level: level.clone(), ..Map::default() };
    map.walls = (0..level.num_wall).map(|_| wall(rng)).collect();
    if rng.random_bool(0.5) {
        map.small_obstacles = vec![cell(rng)];
    }
    let taken = blocked(&map, grid);
    let mut free: Vec<Position> =
        grid.iter().filter(|cell| !taken.has(*cell)).map(|cell| grid.position(cell)).collect();
    let mut stand = |rng: &mut ChaCha8Rng| {
        let place = rng.random_range(0..free.len().max(1));
        if free.is_empty() { Position::default() } else { free.swap_remove(place) }
    };
    map.player_pos = stand(rng);
    map.enemies = (0..level.num_enemies).map(|_| stand(rng)).collect();
    map
}

/// Makes one of a model's mistakes now and then.
fn spoil(map: &mut Map, grid: &Grid, rng: &mut ChaCha8Rng) {
    let mut wrong = rng.random_range(0.0..1.0);
    let mut is = |share: f64| {
        let is = (0.0..share).contains(&wrong);
        wrong -= share;
        is
    };
    if is(IN_WALL) {
        if let (Some(enemy), Some(wall)) = (map.enemies.first_mut(), map.walls.first()) {
            *enemy = wall.start_pos;
        }
    } else if is(TOO_FEW) {
        map.walls.pop();
    } else if is(CLOSED_IN) {
        close_in(map, grid);
    } else if is(OTHER_LEVEL) {
        map.level.difficulty = map.level.difficulty.map(|difficulty| difficulty + 1);
    }
}

/// Puts obstacles around the first enemy.
fn close_in(map: &mut Map, grid: &Grid) {
    let Some(at) = map.enemies.first().copied() else { return };
    let beside = [(1, 0), (-1, 0), (0, 1), (0, -1)].map(|(right, down)| Position::new(at.x + right, at.y + down));
    let taken = |at: &Position| *at == map.player_pos || map.enemies.contains(at) || map.small_obstacles.contains(at);
    let new: Vec<Position> = beside.into_iter().filter(|at| grid.cell(*at).is_some() && !taken(at)).collect();
    map.small_obstacles.extend(new);
}

/// The JSON as a model writes it.
fn told(json: String, rng: &mut impl Rng) -> String {
    if rng.random_bool(BROKEN) {
        return json.chars().take(json.len() * 2 / 3).collect();
    }
    if rng.random_bool(CHATTER) { format!("Here you are:\n```json\n{json}\n```") } else { json }
}

fn number_after(text: &str, mark: &str) -> Option<i64> {
    let rest = text.split_once(mark)?.1;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
