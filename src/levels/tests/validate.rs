use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{maps, reference, sound, sound_map, wall};
use crate::repair::{Repair, RepairPolicy, repair};
use crate::{Connectivity, Context, CoordinateBase, Finding, LevelRules, Map, Position, Request};
use crate::{canonical, check, check_text, is_valid, prior_art};

/// The rules that a changed level breaks, as `E4 E13`.
fn broken(change: impl FnOnce(&mut Value)) -> String {
    rules_of(LevelRules::default(), Context::default(), change)
}

fn rules_of(rules: LevelRules, context: Context<'_>, change: impl FnOnce(&mut Value)) -> String {
    let mut level = sound();
    change(&mut level);
    let (_, findings) = check_text(&level.to_string(), rules, context);
    findings.iter().map(Finding::rule).collect::<Vec<_>>().join(" ")
}

fn at(x: i64, y: i64) -> Value {
    json!({"x": x, "y": y})
}

#[test]
fn a_sound_level_passes_whichever_way_its_walls_are_written() {
    assert_eq!(broken(|_| {}), "");
    assert_eq!(broken(|level| level["walls"] = json!([wall((3, 1), (3, 2))])), "");
    assert_eq!(broken(|level| level["level"]["retries"] = json!(3)), "");
}

#[test]
fn every_rule_is_broken_by_what_it_is_about() {
    assert_eq!(broken(|level| level["player_pos"] = json!("here")), "E1");
    assert_eq!(broken(|level| level["level"]["width"] = json!(2)), "E2");
    assert_eq!(broken(|level| level["level"]["height"] = json!(65)), "E2");
    assert_eq!(broken(|level| level["player_pos"] = at(0, 1)), "E3");
    assert_eq!(broken(|level| level["player_pos"] = at(3, 2)), "E4");
    assert_eq!(broken(|level| level["player_pos"] = at(1, 4)), "E4");
    assert_eq!(broken(|level| level["enemies"][0] = at(6, 1)), "E5");
    assert_eq!(broken(|level| level["enemies"][0] = at(3, 1)), "E6");
    assert_eq!(broken(|level| level["enemies"][0] = at(5, 4)), "E7");
    assert_eq!(broken(|level| level["enemies"][0] = at(1, 1)), "E8 W2");
    assert_eq!(broken(|level| level["level"]["num_enemies"] = json!(3)), "E9");
    assert_eq!(broken(|level| level["level"]["num_enemies"] = json!(1)), "E9 W1");
    assert_eq!(broken(|level| level["walls"] = json!([wall((2, 1), (3, 2))])), "E10");
    assert_eq!(broken(|level| level["walls"] = json!([wall((3, 1), (3, 5))])), "E11 E13 E13 E14");
    assert_eq!(broken(|level| level["level"]["num_wall"] = json!(2)), "E12");
    assert_eq!(broken(|level| level["walls"] = json!([wall((3, 1), (3, 4))])), "E13 E13 E14");
    assert_eq!(broken(|level| level["small_obstacles"] = json!([at(1, 4), at(1, 4)])), "E15");
    assert_eq!(broken(|level| level["small_obstacles"] = json!([at(1, 5)])), "E15");
}

#[test]
fn every_warning_has_a_case_on_each_side() {
    let enemy = |x: i64, y: i64| move |level: &mut Value| level["enemies"][0] = at(x, y);
    assert_eq!(broken(enemy(2, 2)), "W2", "two steps");
    assert_eq!(broken(enemy(2, 3)), "", "three steps");
    let enemies = |count: i64| {
        move |level: &mut Value| {
            let cells = [(5, 1), (5, 2), (5, 3), (5, 4)];
            level["enemies"] = cells.iter().take(usize::try_from(count).unwrap()).map(|(x, y)| at(*x, *y)).collect();
            level["level"]["num_enemies"] = json!(count);
        }
    };
    // 17 free cells: two are 0.118, three 0.176.
    assert_eq!(broken(enemies(2)), "");
    assert_eq!(broken(enemies(3)), "W3");
    let open = |obstacles: Value| {
        move |level: &mut Value| {
            level["walls"] = json!([]);
            level["level"]["num_wall"] = json!(0);
            level["small_obstacles"] = obstacles;
        }
    };
    assert_eq!(broken(open(json!([]))), "W4", "nothing is blocked");
    assert_eq!(broken(open(json!([at(1, 4)]))), "", "one in twenty");
    assert_eq!(broken(|level| level["level"]["time"] = json!(0)), "W7");
    assert_eq!(broken(|level| level["level"]["time"] = json!(1)), "");
    assert_eq!(broken(|level| level["level"]["n_retries_allowed"] = json!(-1)), "W7");
    let asked =
        |difficulty| Context { request: Some(Request { difficulty, ..Request::default() }), ..Context::default() };
    assert_eq!(rules_of(LevelRules::default(), asked(2), |_| {}), "");
    assert_eq!(rules_of(LevelRules::default(), asked(3), |_| {}), "W6");
    assert!(Finding::Size { width: 1, height: 1 }.is_error() && !Finding::Repeated.is_error());
}

#[test]
fn every_finding_is_told_and_not_only_the_first() {
    let findings = broken(|level| {
        level["player_pos"] = at(9, 9);
        level["enemies"] = json!([at(5, 1), at(5, 1), at(3, 1), at(0, 0)]);
        level["small_obstacles"] = json!([at(7, 7), at(1, 4), at(1, 4)]);
        level["walls"] = json!([wall((3, 1), (3, 2)), wall((1, 1), (2, 2)), wall((1, 3), (-4, 3))]);
        level["level"]["time"] = json!(-5);
    });
    assert_eq!(findings, "E3 E5 E6 E7 E9 E10 E11 E12 E15 E15 W1 W3 W7");
    let (_, findings) = check_text(
        &sound().to_string().replace("\"x\":5,\"y\":4", "\"x\":3,\"y\":2"),
        LevelRules::default(),
        Context::default(),
    );
    let json = serde_json::to_value(&findings).unwrap();
    assert_eq!(json[0]["rule"], "E6");
    assert_eq!(json[0]["cells"], json!([{"x": 3, "y": 2}]));
}

#[test]
fn a_split_floor_is_refused_at_less_than_95_in_100_cells() {
    // 20 x 20 cells and a room of 20 or 21 cells in a corner: 379 or 378 of 399, less what walls it off.
    let room = |side: i64, level: &mut Value| {
        level["level"]["width"] = json!(20);
        level["level"]["height"] = json!(20);
        level["walls"] = json!([wall((20 - side, 20), (20 - side, 18)), wall((20 - side, 17), (20, 17))]);
        level["level"]["num_wall"] = json!(2);
    };
    // A room of 6 x 3 = 18 cells behind 10 of wall: 371 of 389 is 0.9537; of 7 x 3 = 21 behind 11: 367 of 388 is 0.9459.
    assert_eq!(broken(|level| room(6, level)), "");
    assert_eq!(broken(|level| room(7, level)), "E14");
}

#[test]
fn an_enemy_in_a_closed_corner_cannot_be_reached_however_large_the_floor() {
    let corner = |level: &mut Value| {
        level["level"]["width"] = json!(20);
        level["level"]["height"] = json!(20);
        level["small_obstacles"] = json!([at(19, 20), at(20, 19), at(10, 10), at(10, 11), at(10, 12), at(10, 13)]);
        level["enemies"][0] = at(20, 20);
    };
    assert_eq!(broken(corner), "E13");
    let mut level = sound();
    corner(&mut level);
    assert!(!is_valid(&Map::parse(&level.to_string()).unwrap(), LevelRules::default()));
}

#[test]
fn cells_touch_by_their_sides_alone_unless_corners_count() {
    let diagonal = |level: &mut Value| {
        level["walls"] = json!([wall((3, 1), (3, 2)), wall((4, 3), (4, 4))]);
        level["level"]["num_wall"] = json!(2);
    };
    assert_eq!(broken(diagonal), "E13 E13 E14");
    let eight = LevelRules { connectivity: Connectivity::Eight, ..LevelRules::default() };
    assert_eq!(rules_of(eight, Context::default(), diagonal), "");
    assert!(toml::from_str::<LevelRules>("connectivity = 6").unwrap_err().to_string().contains("4 or 8, not 6"));
}

#[test]
fn the_base_moves_the_edges() {
    let zero = LevelRules { base: CoordinateBase::Zero, ..LevelRules::default() };
    assert_eq!(rules_of(zero, Context::default(), |_| {}), "E5 E5 E15");
    let moved = |level: &mut Value| {
        level["player_pos"] = at(0, 0);
        level["enemies"] = json!([at(4, 0), at(4, 3)]);
        level["small_obstacles"] = json!([]);
    };
    assert_eq!(rules_of(zero, Context::default(), moved), "");
    assert!(toml::from_str::<LevelRules>("base = 2").unwrap_err().to_string().contains("0 or 1, not 2"));
}

#[test]
fn a_map_is_repeated_however_it_is_cut_and_ordered() {
    let map = sound_map();
    let known = BTreeSet::from([canonical::hash(&map, LevelRules::default()).unwrap()]);
    let context = Context { previous: Some(&known), request: None };
    let cut = |level: &mut Value| {
        level["walls"] = json!([wall((3, 1), (3, 1)), wall((3, 2), (3, 2))]);
        level["level"]["num_wall"] = json!(2);
        level["enemies"] = json!([at(5, 4), at(5, 1)]);
    };
    assert_eq!(rules_of(LevelRules::default(), context, cut), "W5");
    assert_eq!(rules_of(LevelRules::default(), context, |level| level["player_pos"] = at(1, 2)), "");
}

#[test]
fn repairs_are_said_and_change_nothing_else() {
    let mut map = sound_map();
    map.small_obstacles.push(map.small_obstacles[0]);
    assert_eq!(repair(&mut map.clone(), RepairPolicy::default()), []);
    let repairs = repair(&mut map, RepairPolicy::ALL);
    let swapped = Repair::SwappedWall(Position::new(3, 2), Position::new(3, 1));
    assert_eq!(repairs, [Repair::DroppedObstacle(Position::new(1, 4)), swapped]);
    let mut expected = sound_map();
    expected.walls[0] = crate::Wall { start_pos: Position::new(3, 1), end_pos: Position::new(3, 2) };
    assert_eq!(map, expected);
    assert_eq!(repair(&mut map, RepairPolicy::ALL), []);
}

#[test]
fn the_earlier_rule_frees_whatever_lies_under_somebody() {
    let accepts = |change: fn(&mut Value)| {
        let mut level = sound();
        change(&mut level);
        prior_art::accepts(&Map::parse(&level.to_string()).unwrap(), LevelRules::default())
    };
    assert!(accepts(|level| level["enemies"][0] = at(3, 1)), "in a wall");
    assert!(accepts(|level| level["player_pos"] = at(3, 1)), "the player in a wall");
    assert!(accepts(|level| level["enemies"][0] = at(1, 1)), "on the player");
    assert!(accepts(|level| level["level"]["num_enemies"] = json!(1)), "more than said");
    assert!(!accepts(|level| level["level"]["num_enemies"] = json!(3)), "fewer than said");
    assert!(!accepts(|level| level["enemies"][0] = at(6, 1)), "outside");
    assert!(!accepts(|level| level["walls"] = json!([wall((3, 1), (3, 4))])), "behind a wall");
}

#[test]
fn huge_numbers_are_findings() {
    let most = i64::MAX;
    assert_eq!(broken(|level| level["level"]["width"] = json!(1_000_000_000)), "E2");
    let far = broken(|level| {
        level["walls"] = json!([wall((-most, 2), (most, 2))]);
        level["player_pos"] = at(most, -most);
        level["level"]["num_wall"] = json!(most);
    });
    assert_eq!(far, "E3 E6 E11 E12".replace("E6 ", ""));
    let parts = |level: &mut Value| level["small_obstacles"] = vec![at(1, 1); 4097].into();
    assert_eq!(broken(parts), "E1");
    let long = " ".repeat(2 << 20);
    let (_, findings) = check_text(&long, LevelRules::default(), Context::default());
    assert!(findings[0].to_string().contains("2097152 bytes"), "{findings:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_paths_and_the_plain_writing_of_the_rules_agree(map in maps(), zero: bool, eight: bool) {
        let rules = LevelRules {
            base: if zero { CoordinateBase::Zero } else { CoordinateBase::One },
            connectivity: if eight { Connectivity::Eight } else { Connectivity::Four },
        };
        let findings = check(&map, rules, Context::default());
        let errors: BTreeSet<&str> = findings.iter().filter(|finding| finding.is_error()).map(Finding::rule).collect();
        prop_assert_eq!(&errors, &reference::errors(&map, rules));
        prop_assert_eq!(is_valid(&map, rules), errors.is_empty());
    }

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let (map, findings) = check_text(&text, LevelRules::default(), Context::default());
        prop_assert!(map.is_some() || !findings.is_empty());
    }
}
