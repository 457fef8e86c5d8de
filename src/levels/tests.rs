//! Maps that several tests use, and a slow, plain second writing of the rules.

mod forms;
mod metrics;
mod objects;
mod reference;
mod validate;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Level, Map, Position, Wall};

/// A sound level of 5 x 4 cells with base 1: a wall of two cells, one obstacle, two enemies.
fn sound() -> Value {
    json!({
        "level": {"name": 1, "difficulty": 2, "time": 60, "width": 5, "height": 4, "num_wall": 1, "num_enemies": 2},
        "walls": [{"start_pos": {"x": 3, "y": 2}, "end_pos": {"x": 3, "y": 1}}],
        "small_obstacles": [{"x": 1, "y": 4}],
        "enemies": [{"x": 5, "y": 1}, {"x": 5, "y": 4}],
        "player_pos": {"x": 1, "y": 1}
    })
}

fn sound_map() -> Map {
    Map::parse(&sound().to_string()).unwrap()
}

fn wall(start: (i64, i64), end: (i64, i64)) -> Value {
    json!({"start_pos": {"x": start.0, "y": start.1}, "end_pos": {"x": end.0, "y": end.1}})
}

/// Maps of up to 9 x 9 cells of which many are sound: coordinates reach one cell outside, counts are mostly right.
fn maps() -> impl Strategy<Value = Map> {
    (2_i64..10, 2_i64..10).prop_flat_map(|(width, height)| {
        let at = move || (0..=width + 1, 0..=height + 1).prop_map(|(x, y)| Position::new(x, y));
        let inside = move || (1..=width, 1..=height).prop_map(|(x, y)| Position::new(x, y));
        let place = move || prop_oneof![19 => inside(), 1 => at()];
        let straight = move || {
            (place(), place(), any::<bool>(), prop::bool::weighted(0.02)).prop_map(|(start, end, across, diagonal)| {
                let end_pos = match (diagonal, across) {
                    (true, _) => end,
                    (false, true) => Position::new(end.x, start.y),
                    (false, false) => Position::new(start.x, end.y),
                };
                Wall { start_pos: start, end_pos }
            })
        };
        let off = || prop_oneof![12 => Just(0_i64), 1 => Just(1_i64), 1 => Just(-1_i64)];
        let parts = (
            prop::collection::vec(straight(), 0..4),
            prop::collection::vec(place(), 0..3),
            prop::collection::vec(place(), 0..4),
        );
        (parts, place(), off(), off()).prop_map(move |((walls, small_obstacles, enemies), player_pos, more, fewer)| {
            let count = |count: usize| i64::try_from(count).unwrap();
            let level = Level {
                width,
                height,
                num_wall: count(walls.len()) + more,
                num_enemies: count(enemies.len()) + fewer,
                ..Level::default()
            };
            Map { level, walls, small_obstacles, enemies, player_pos, ..Map::default() }
        })
    })
}
