//! Levels from the command line: checked, converted, drawn, made.

use harness::program::World;
use serde_json::Value;

use crate::PROGRAM;

const SOUND: &str = r#"{"level":{"name":1,"difficulty":1,"time":60,"width":5,"height":4,"num_wall":1,"num_enemies":1},"walls":[{"start_pos":{"x":3,"y":2},"end_pos":{"x":3,"y":1}}],"small_obstacles":[{"x":1,"y":4},{"x":1,"y":4}],"enemies":[{"x":5,"y":1}],"player_pos":{"x":1,"y":1}}"#;

fn world() -> World {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    std::fs::write(world.dir.path().join("twice.json"), SOUND).unwrap();
    std::fs::write(world.dir.path().join("split.txt"), "P.B.E\n..B..\n..B..\n").unwrap();
    std::fs::write(world.dir.path().join("torn.tmj"), "{\"width\":").unwrap();
    world
}

#[test]
fn every_finding_of_every_file_is_a_line_and_one_error_is_an_exit_code() {
    let world = world();
    let exit = world.run(&["levels", "check", "twice.json", "split.txt", "torn.tmj", "none.json"]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    let lines: Vec<Value> = exit.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rules = |line: &Value| -> Vec<String> {
        line["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(lines.iter().map(rules).collect::<Vec<_>>(), [vec!["E15"], vec!["E13", "E14"], vec!["E1"]]);
    assert_eq!(lines[0]["findings"][0]["cells"][0]["y"], 4);
    assert!(exit.stderr.contains("none.json"), "{exit:?}");
    let exit = world.run(&["levels", "check", "--repair", "twice.json"]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.stdout.contains("dropped a second obstacle at (1, 4)") && exit.stdout.contains("swapped"), "{exit:?}");
    assert_eq!(world.run(&["levels", "check", "--base", "2", "twice.json"]).code, Some(1));
}

#[test]
fn a_level_goes_through_every_form_and_back() {
    let world = world();
    let path = |name: &str| world.dir.path().join(name);
    for (form, name) in [("tmj", "split.tmj"), ("tmx", "split.tmx"), ("ldtk", "split.ldtk")] {
        let exit = world.run(&["levels", "convert", "split.txt", "--to", form]);
        assert_eq!((exit.code, exit.stdout.trim()), (Some(0), name), "{exit:?}");
        let exit = world.run(&["levels", "convert", name, "--to", "ascii", "--out", "back"]);
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert_eq!(std::fs::read_to_string(path("back/split.txt")).unwrap(), "P.B.E\n..B..\n..B..\n");
    }
    let exit = world.run(&["levels", "convert", "split.txt", "--to", "ascii"]);
    assert!(exit.code == Some(1) && exit.stderr.contains("--out"), "{exit:?}");
    assert_eq!(world.run(&["levels", "draw", "split.txt"]).code, Some(0));
    assert!(
        std::fs::read_to_string(path("split.svg")).unwrap().contains("E13 the player cannot reach the enemy at (5, 1)")
    );
    assert_eq!(world.run(&["levels", "draw", "split.txt", "--to", "png"]).code, Some(0));
    assert!(std::fs::read(path("split.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn the_practice_teacher_makes_levels_and_a_second_run_pays_nothing() {
    let world = world();
    let make = [
        "generate",
        "levels",
        "--practice",
        "--count",
        "24",
        "--width",
        "8",
        "--height",
        "8",
        "--run",
        "run",
        "--json",
    ];
    let report = |exit: &harness::program::Exit| -> Value { serde_json::from_str(exit.stdout.trim()).unwrap() };
    let first = world.run(&make);
    assert_eq!(first.code, Some(0), "{first:?}");
    let again = world.run(&make);
    let (first, again) = (report(&first), report(&again));
    assert!(first["calls_paid"].as_u64().unwrap() >= 48, "{first}");
    assert_eq!((again["calls_paid"].as_u64(), again["figures"].clone()), (Some(0), first["figures"].clone()));
    let examples = std::fs::read_to_string(world.dir.path().join("run/examples.jsonl")).unwrap();
    let maps: Vec<String> = examples
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["messages"][1]["content"].as_str().unwrap().to_owned())
        .collect();
    assert!(maps.len() > 15, "{}", maps.len());
    for (number, map) in maps.iter().enumerate() {
        std::fs::write(world.dir.path().join(format!("{number}.json")), map).unwrap();
        assert_eq!(world.run(&["levels", "check", &format!("{number}.json")]).code, Some(0), "{map}");
    }
}
