//! `apprentice generate autoif` with the practice teacher and the real sandbox.

use std::fs;
use std::path::Path;

use harness::program::{Exit, World};
use serde_json::Value;

use crate::PROGRAM;

const JUDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/tiny_deberta");

fn world() -> World {
    World::new(PROGRAM, "http://127.0.0.1:9/v1")
}

fn autoif(world: &World, arguments: &[&str]) -> Exit {
    world.run(&[&["generate", "autoif", "--practice", "--run", "made", "--json"], arguments].concat())
}

fn report(exit: &Exit) -> Value {
    assert_eq!(exit.code, Some(0), "{exit:?}");
    serde_json::from_str(exit.stdout.lines().last().unwrap()).unwrap()
}

fn dropped<'a>(report: &'a Value, step: &str) -> &'a serde_json::Map<String, Value> {
    let steps = report["funnel"]["steps"].as_array().unwrap();
    steps.iter().find(|one| one["name"] == step).unwrap()["dropped"].as_object().unwrap()
}

fn lines(folder: &Path, name: &str) -> usize {
    fs::read_to_string(folder.join(name)).unwrap().lines().count()
}

#[test]
fn all_nine_stages_have_work_and_a_second_run_asks_nothing() {
    let world = world();
    let first = report(&autoif(&world, &["--calls", "1"]));
    for (step, reason) in [
        ("instructions", "repeated"),
        ("functions", "json"),
        ("functions", "runs"),
        ("functions", "own-cases"),
        ("repairs", "still-unusable"),
        ("cross-validation", "functions-min"),
        ("nli", "contradiction"),
        ("verification", "accuracy"),
        ("scores", "score"),
    ] {
        assert!(dropped(&first, step).contains_key(reason), "{step} dropped none for {reason}: {first}");
    }
    let folder = world.dir.path().join("made");
    for name in [
        "1-instructions.jsonl",
        "2-functions.jsonl",
        "3-cross-validated.jsonl",
        "4-back-translated.jsonl",
        "5-uncontradicted.jsonl",
        "6-responses.jsonl",
        "7-verified.jsonl",
        "8-scored.jsonl",
        "9-alpaca.jsonl",
        "dpo.jsonl",
    ] {
        assert!(lines(&folder, name) > 0, "{name}");
    }
    // What an `except Exception` hides from the interpreter's author is no verifier.
    let has = |name: &str| fs::read_to_string(folder.join(name)).unwrap().contains("except Exception:");
    assert_eq!((has("calls.jsonl"), has("3-cross-validated.jsonl")), (true, false));
    assert_eq!(lines(&folder, "9-alpaca.jsonl"), lines(&folder, "examples.jsonl"));
    let items = fs::read(folder.join("items.jsonl")).unwrap();
    let second = report(&autoif(&world, &["--calls", "1"]));
    assert_eq!((&second["calls_paid"], &second["calls_replayed"]), (&0.into(), &first["calls_paid"]));
    assert_eq!(fs::read(folder.join("items.jsonl")).unwrap(), items);
}

#[test]
fn a_local_judge_of_entailment_takes_the_teachers_place() {
    let world = world();
    let found = report(&autoif(&world, &["--calls", "1", "--nli", JUDGE]));
    assert!(dropped(&found, "nli").contains_key("contradiction"), "{found}");
    let calls = fs::read_to_string(world.dir.path().join("made/calls.jsonl")).unwrap();
    assert!(!calls.contains("\"stage\":\"nli\""));
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let world = world();
    let fails = |arguments: &[&str]| {
        let exit = autoif(&world, arguments);
        assert_eq!(exit.code, Some(1), "{exit:?}");
        exit.stderr
    };
    let error = fails(&["--verifier", "/nowhere/verify"]);
    assert!(error.contains("/nowhere/verify") && error.contains("cargo build"), "{error}");
    fs::remove_dir_all(world.dir.path().join("made")).unwrap();
    let error = fails(&["--nli", "/nowhere/judge"]);
    assert!(error.contains("/nowhere/judge"), "{error}");
    fs::write(world.dir.path().join("own.toml"), "score_mni = 9.0\n").unwrap();
    let error = fails(&["--settings", "own.toml"]);
    assert!(error.contains("own.toml") && error.contains("score_mni") && error.contains("score_min"), "{error}");
    let error = fails(&["--verifier-limit-ms", "0"]);
    assert!(error.contains("verifier_limit_ms"), "{error}");
}

#[test]
fn an_argument_goes_before_the_file_and_the_file_before_the_preset() {
    let world = world();
    fs::write(world.dir.path().join("own.toml"), "calls = 2\nresponses = 3\nverifier_limit_ms = 700\n").unwrap();
    let arguments =
        ["--preset", "strict-release-compat", "--settings", "own.toml", "--calls", "1", "--verifier-limit-ms", "20000"];
    let found = report(&autoif(&world, &arguments));
    let settings = &found["run"]["arguments"];
    let values =
        ["calls", "responses", "verifier_limit_ms", "queries_each", "score_over"].map(|key| settings[key].to_string());
    assert_eq!(values, ["1", "3", "20000", "16", "true"]);
}
