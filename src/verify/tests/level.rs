use serde_json::{Value, json};

use crate::level::{CoordinateBase, LevelRules, check};

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

/// The number of the rule that a changed level breaks.
fn broken(change: impl FnOnce(&mut Value)) -> String {
    let mut level = sound();
    change(&mut level);
    let text =
        check(&level.to_string(), LevelRules::default()).map_or_else(|error| error.to_string(), |()| "none".into());
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn wall(start: (i64, i64), end: (i64, i64)) -> Value {
    json!({"start_pos": {"x": start.0, "y": start.1}, "end_pos": {"x": end.0, "y": end.1}})
}

#[test]
fn a_sound_level_passes_whichever_way_its_walls_are_written() {
    assert_eq!(broken(|_| {}), "none");
    assert_eq!(broken(|level| level["walls"] = json!([wall((3, 1), (3, 2))])), "none");
    assert_eq!(broken(|level| level["level"]["retries"] = json!(3)), "none");
}

#[test]
fn every_rule_is_broken_by_what_it_is_about() {
    let at = |x: i64, y: i64| json!({"x": x, "y": y});
    assert_eq!(broken(|level| level["player_pos"] = json!("here")), "E1");
    assert_eq!(broken(|level| level["level"]["width"] = json!(2)), "E2");
    assert_eq!(broken(|level| level["level"]["height"] = json!(65)), "E2");
    assert_eq!(broken(|level| level["player_pos"] = at(0, 1)), "E3");
    assert_eq!(broken(|level| level["player_pos"] = at(3, 2)), "E4");
    assert_eq!(broken(|level| level["player_pos"] = at(1, 4)), "E4");
    assert_eq!(broken(|level| level["enemies"][0] = at(6, 1)), "E5");
    assert_eq!(broken(|level| level["enemies"][0] = at(3, 1)), "E6");
    assert_eq!(broken(|level| level["enemies"][0] = at(5, 4)), "E7");
    assert_eq!(broken(|level| level["enemies"][0] = at(1, 1)), "E8");
    assert_eq!(broken(|level| level["level"]["num_enemies"] = json!(3)), "E9");
    assert_eq!(broken(|level| level["level"]["num_enemies"] = json!(1)), "E9");
    assert_eq!(broken(|level| level["walls"] = json!([wall((2, 1), (3, 2))])), "E10");
    assert_eq!(broken(|level| level["walls"] = json!([wall((3, 1), (3, 5))])), "E11");
    assert_eq!(broken(|level| level["level"]["num_wall"] = json!(2)), "E12");
    assert_eq!(broken(|level| level["walls"] = json!([wall((3, 1), (3, 4))])), "E13");
    assert_eq!(broken(|level| level["small_obstacles"] = json!([at(1, 4), at(1, 4)])), "E15");
    assert_eq!(broken(|level| level["small_obstacles"] = json!([at(1, 5)])), "E15");
}

#[test]
fn a_split_floor_is_refused_at_less_than_95_in_100_cells() {
    // Column 4 is walled off: four of the twenty cells behind it are out of reach, no enemy among them.
    let split = |level: &mut Value| {
        level["walls"] = json!([wall((4, 1), (4, 4))]);
        level["enemies"] = json!([{"x": 2, "y": 1}, {"x": 2, "y": 4}]);
    };
    assert_eq!(broken(split), "E14");
    // One closed corner of a level of 400 cells is less than one in twenty.
    let corner = |level: &mut Value| {
        level["level"]["width"] = json!(20);
        level["level"]["height"] = json!(20);
        level["small_obstacles"] = json!([{"x": 19, "y": 20}, {"x": 20, "y": 19}]);
    };
    assert_eq!(broken(corner), "none");
}

#[test]
fn cells_touch_by_their_sides_alone() {
    let diagonal = |level: &mut Value| {
        level["walls"] = json!([wall((3, 1), (3, 2)), wall((4, 3), (4, 4))]);
        level["level"]["num_wall"] = json!(2);
    };
    assert_eq!(broken(diagonal), "E13");
}

#[test]
fn the_base_moves_the_edges() {
    let zero = LevelRules { base: CoordinateBase::Zero };
    assert!(check(&sound().to_string(), zero).unwrap_err().to_string().starts_with("E15"));
    let mut level = sound();
    level["player_pos"] = json!({"x": 0, "y": 0});
    level["enemies"] = json!([{"x": 4, "y": 0}, {"x": 4, "y": 3}]);
    level["small_obstacles"] = json!([]);
    assert_eq!(check(&level.to_string(), zero), Ok(()));
    assert!(toml::from_str::<LevelRules>("base = 2").unwrap_err().to_string().contains("0 or 1, not 2"));
}
