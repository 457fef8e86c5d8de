//! Random maps as the comparison with prior art has them: 8 to 20 square, 3 to 10 walls, 2 to 8 enemies, everything anywhere inside.

use levels::{Level, Map, Position, Wall};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How long walls are, which the publication does not say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walls {
    /// Both ends anywhere on one line: a third of a side on average.
    Ends,
    /// 1 to half a side, cut off at the edge.
    Half,
}

/// A map whose counts are right and whose cells are drawn evenly.
pub(crate) fn map(rng: &mut ChaCha8Rng, side: i64, walls: usize, enemies: usize, form: Walls) -> Map {
    let cell = |rng: &mut ChaCha8Rng| Position::new(rng.random_range(1..=side), rng.random_range(1..=side));
    let wall = |rng: &mut ChaCha8Rng| {
        let (start, other, across) = (cell(rng), cell(rng), rng.random_bool(0.5));
        let long = rng.random_range(1..=side / 2) - 1;
        let end = |from: i64, other: i64| if form == Walls::Ends { other } else { (from + long).min(side) };
        let end_pos = match across {
            true => Position::new(end(start.x, other.x), start.y),
            false => Position::new(start.x, end(start.y, other.y)),
        };
        Wall { start_pos: start, end_pos }
    };
    let walls: Vec<Wall> = (0..walls).map(|_| wall(rng)).collect();
    let count = |count: usize| i64::try_from(count).unwrap_or(0);
    Map {
        level: Level {
            width: side,
            height: side,
            num_wall: count(walls.len()),
            num_enemies: count(enemies),
            ..Level::default()
        },
        walls,
        enemies: (0..enemies).map(|_| cell(rng)).collect(),
        player_pos: cell(rng),
        ..Map::default()
    }
}
