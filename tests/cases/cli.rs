//! The command line does what its help says.

use handover::State;
use harness::learnt;
use harness::program::{Apprentice, Exit, World};
use harness::script;
use harness::teacher::ScriptedTeacher;

use crate::PROGRAM;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");
const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

fn world() -> World {
    World::new(PROGRAM, "http://127.0.0.1:9/v1")
}

#[test]
fn the_help_shows_the_commands_and_hides_what_is_internal() {
    let exit = world().run(&["--help"]);
    assert_eq!(exit.code, Some(0));
    let commands = [
        "serve",
        "practice",
        "init",
        "check",
        "doctor",
        "sites",
        "train",
        "sweep",
        "merge",
        "export",
        "export-encoder",
        "exam",
        "judge",
        "generate",
        "levels",
        "simulate",
        "policy",
    ];
    for command in commands {
        assert!(exit.stdout.lines().any(|line| line.trim_start().starts_with(command)), "{command}: {}", exit.stdout);
    }
    assert!(!exit.stdout.contains("--nice"), "{}", exit.stdout);
    let exit = world().run(&["sites", "--help"]);
    for action in ["list", "show", "promote", "hold", "rollback", "rate", "train"] {
        assert!(exit.stdout.lines().any(|line| line.trim_start().starts_with(action)), "{action}: {}", exit.stdout);
    }
    assert_eq!(world().run(&["frobnicate"]).code, Some(2));
}

#[test]
fn an_exam_is_a_job_or_a_replay_and_a_bad_row_is_named() {
    let world = world();
    let missing = world.run(&["exam", "none.toml"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("cannot read none.toml"), "{missing:?}");
    assert_eq!(world.run(&["exam"]).code, Some(2));

    let rows = world.dir.path().join("rows.csv");
    let good = "input,teacher,student,confidence\na,b,b,0.9\n".to_owned();
    std::fs::write(&rows, format!("{good}a,b,b,9\n")).unwrap();
    let exit = world.run(&["exam", "replay", "--data", "rows.csv"]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains("rows.csv:3: confidence = 9"), "{exit:?}");
    std::fs::write(&rows, good).unwrap();
    let exit = world.run(&["exam", "replay", "--data", "rows.csv", "--orders", "2", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!((&found["orders"], &found["served"]["mean"]), (&2.into(), &0.0.into()), "{exit:?}");
}

#[test]
fn a_simulation_writes_its_files_and_fails_when_a_goal_is_missed() {
    let world = world();
    let simulate = |drift_audits: &str| {
        // Nobody is ever promoted; one run of each world, of which this seed's proves enough thresholds.
        let policy = format!("[handover]\npromote_alpha = 1e-9\ndrift_audits = {drift_audits}\n");
        std::fs::write(world.dir.path().join("policy.toml"), policy).unwrap();
        let files = ["--json", "found.json", "--markdown", "found.md", "--plots", "plots"];
        let arguments = ["simulate", "handover", "--policy", "policy.toml", "--runs", "1", "--seed", "2"];
        let exit = world.run(&[&arguments[..], &files[..]].concat());
        let found = std::fs::read_to_string(world.dir.path().join("found.json")).unwrap();
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        for name in ["found.json", "found.md", "plots/drift.svg"] {
            std::fs::remove_file(world.dir.path().join(name)).unwrap();
        }
        let missed: Vec<_> = found["rows"].as_array().unwrap().iter().filter(|row| row["ok"] == false).collect();
        // What a decision takes is the machine's to say, however slow it is.
        let slow = missed.iter().filter(|row| row["unit"] == "microseconds").count();
        assert_eq!(
            (exit.code, exit.stderr.matches("missed: ").count()),
            (Some(i32::from(!missed.is_empty())), missed.len())
        );
        (exit, missed.len() - slow)
    };
    let (exit, missed) = simulate("2.0");
    assert_eq!(missed, 0, "{exit:?}");
    // No run is as long as that.
    let (exit, missed) = simulate("1e9");
    assert_eq!(missed, 1, "{exit:?}");
    assert!(exit.stderr.contains("missed: mean healthy run length at 0.90, ended at 50000: "), "{exit:?}");
}

#[test]
fn a_policy_is_tried_on_recorded_entries() {
    let world = world();
    let file = |name: &str, text: &str| std::fs::write(world.dir.path().join(name), text).unwrap();
    file("policy.toml", "[handover]\nquality_min = 0.95\n");
    file(
        "entries.json",
        r#"[{"seq": 3, "at_ms": 9, "site": "shop", "record": "failed_exam", "version": "1", "exam": 0.1}]"#,
    );
    let exit = world.run(&["policy", "try", "policy.toml", "--entries", "entries.json"]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.stdout.contains("shop: 0 audits") && exit.stdout.contains("at the end: teacher"), "{exit:?}");
    let other = world.run(&["policy", "try", "policy.toml", "--entries", "entries.json", "--site", "inn"]);
    assert!(other.code == Some(1) && other.stderr.contains("no entries of `inn`"), "{other:?}");
    file("policy.toml", "quality_mim = 0.95\n");
    let wrong = world.run(&["policy", "try", "policy.toml", "--entries", "entries.json"]);
    assert!(wrong.code == Some(1) && wrong.stderr.contains("quality_mim"), "{wrong:?}");
}

#[test]
fn check_names_what_is_wrong_with_budgets_ratings_and_prices() {
    let checked = |key: &str, value: toml::Value| {
        let exit = {
            let mut world = world();
            let path = world.set(key, value).config();
            world.run(&["check", "--config", path.to_str().unwrap()])
        };
        assert_eq!(exit.code, Some(1), "{key}: {exit:?}");
        exit.stdout + &exit.stderr
    };
    let cases: [(&str, toml::Value, &[&str]); 6] = [
        ("handover.errors_max", 0.into(), &["handover.errors_max = 0", "between 0 and 1"]),
        ("handover.slow_max", f64::NAN.into(), &["handover.slow_max = NaN", "between 0 and 1"]),
        ("handover.latency_max_ms", 0.into(), &["handover.latency_max_ms = 0", "at least 1"]),
        ("handover.latency_max_ms", (-1).into(), &["latency_max_ms = -1"]),
        ("handover.ratings", "yes".into(), &["ratings = \"yes\"", "`ignored` or `against`"]),
        ("teacher.price_file", "no-such.toml".into(), &["teacher.price_file", "no-such.toml"]),
    ];
    for (key, value, parts) in cases {
        let said = checked(key, value);
        parts.iter().for_each(|part| assert!(said.contains(part), "`{part}` should be in: {said}"));
    }
    let prices = world();
    let path = prices.dir.path().join("prices.toml").display().to_string();
    std::fs::write(&path, "[[price]]\nmodel = \"m\"\nsince = 2025-01-02\ninput = -1\noutput = 0\n").unwrap();
    let said = checked("teacher.price_file", path.clone().into());
    assert!(said.contains(&path) && said.contains("`m`") && said.contains("input = -1"), "{said}");
}

#[test]
fn check_says_what_is_missing_and_changes_nothing() {
    let mut world = world();
    let check = |world: &World| world.run(&["check", "--config", world.config().to_str().unwrap()]);
    let fine = check(&world);
    assert_eq!(fine.code, Some(0), "{fine:?}");

    let missing = check(world.set("student.enabled", true).set("student.base", "models/none"));
    assert_eq!(missing.code, Some(1), "{missing:?}");
    let failed: Vec<&str> = missing.stdout.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert_eq!(failed.len(), 1, "{missing:?}");
    assert!(failed[0].contains("models/none"), "{missing:?}");

    learnt::with_students(&mut world);
    let fine = check(&world);
    assert_eq!(fine.code, Some(0), "{fine:?}");
    assert!(fine.stdout.lines().any(|line| line.starts_with("ok    ONNX Runtime")), "{fine:?}");
    // The graph is the test's own; nothing else was made.
    let made: Vec<_> = std::fs::read_dir(world.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(made, ["graph-f32"]);

    let wrong = world.run(&["check", "--config", "none.toml"]);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
}

fn sites(world: &World, proxy: &Apprentice, action: &[&str]) -> Exit {
    let (admin, token) = (format!("http://{}", proxy.admin), world.data().join("admin-token"));
    let mut arguments = vec!["sites", "--admin", &admin, "--token-file", token.to_str().unwrap()];
    arguments.extend_from_slice(action);
    world.run(&arguments)
}

#[test]
fn sites_are_listed_shown_and_steered() {
    let teacher = ScriptedTeacher::start(|_| script::says("the teacher's"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, 0.5, State::Student);
    let proxy = world.start();

    let list = sites(&world, &proxy, &["list"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    let row = list.stdout.lines().find(|line| line.starts_with("shop ")).unwrap_or_else(|| panic!("{list:?}"));
    assert!(row.contains(" student ") && row.contains(version.as_str()), "{row}");
    assert_eq!(sites(&world, &proxy, &[]).stdout, list.stdout, "without an action they are listed");

    let show = sites(&world, &proxy, &["show", "shop"]);
    let shown: serde_json::Value = serde_json::from_str(&show.stdout).unwrap();
    assert_eq!((shown["state"].as_str(), shown["version"].as_str()), (Some("student"), Some(version.as_str())));
    let unknown = sites(&world, &proxy, &["show", "nobody"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("404") && unknown.stderr.contains("nobody"), "{unknown:?}");

    let back = sites(&world, &proxy, &["rollback", "shop", "--reason", "players complained"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert_eq!(proxy.chat("shop", ASKED).header("x-apprentice-route"), "teacher");
    let log = proxy.admin("GET", "/admin/audit?site=shop&limit=1", "").text();
    assert!(log.contains("players complained"), "{log}");

    let again = sites(&world, &proxy, &["rollback", "shop", "--to", version.as_str()]);
    assert_eq!(again.code, Some(1), "a version that was rolled back is discarded: {again:?}");
    assert!(again.stderr.contains("409") && again.stderr.contains(version.as_str()), "{again:?}");
}

#[test]
fn steering_without_the_token_or_without_a_proxy_says_what_to_do() {
    let world = world();
    let proxy = world.start();
    let (admin, wrong) = (format!("http://{}", proxy.admin), world.dir.path().join("wrong"));
    let exit = world.run(&["sites", "--admin", &admin, "--token-file", wrong.to_str().unwrap()]);
    assert_eq!(exit.code, Some(1));
    assert!(exit.stderr.contains("--token-file") && exit.stderr.contains("APPRENTICE_ADMIN_TOKEN"), "{exit:?}");
    std::fs::write(&wrong, "guess").unwrap();
    let exit = world.run(&["sites", "--admin", &admin, "--token-file", wrong.to_str().unwrap()]);
    assert_eq!(exit.code, Some(1));
    assert!(exit.stderr.contains("401"), "{exit:?}");
    proxy.kill();
    let token = world.data().join("admin-token");
    let exit = world.run(&["sites", "--admin", &admin, "--token-file", token.to_str().unwrap()]);
    assert_eq!(exit.code, Some(1));
    assert!(exit.stderr.contains("apprentice serve"), "{exit:?}");
}

#[test]
fn a_log_that_no_terminal_shows_is_plain_text() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.env("APPRENTICE_LOG", "debug").start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    let log = proxy.stop().stderr;
    assert!(log.contains("DEBUG"), "{log}");
    assert!(!log.contains('\u{1b}'), "{log:?}");
}

#[test]
fn a_closed_pipe_ends_no_command_with_a_panic_and_changes_no_exit_code() {
    let mut world = world();
    let file = |world: &World, name: &str, text: &str| std::fs::write(world.dir.path().join(name), text).unwrap();
    file(&world, "policy.toml", "");
    file(&world, "rows.csv", "input,teacher,student,confidence\na,b,b,0.9\n");
    file(
        &world,
        "entries.json",
        r#"[{"seq": 3, "at_ms": 9, "site": "shop", "record": "failed_exam", "version": "1", "exam": 0.1}]"#,
    );
    let proxy = world.start();
    let (admin, token) = (format!("http://{}", proxy.admin), world.data().join("admin-token"));
    let config = world.config();
    let (config, token) = (config.to_str().unwrap(), token.to_str().unwrap());
    let printing: [&[&str]; 9] = [
        &["--help"],
        &["init", "new.toml"],
        &["check", "--config", config],
        &["rules", "--config", config],
        &["sites", "--admin", &admin, "--token-file", token],
        &["policy", "try", "policy.toml", "--entries", "entries.json"],
        &["exam", "replay", "--data", "rows.csv", "--orders", "1"],
        &["reference", "metrics"],
        &["practice", "--base", BASE],
    ];
    for arguments in printing {
        let exit = world.run_unread(arguments);
        assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
    drop(proxy);
    let wrong = world.set("student.enabled", true).set("student.base", "models/none").config();
    let exit = world.run_unread(&["check", "--config", wrong.to_str().unwrap()]);
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(1), ""), "what was found stands in the exit code");
}

/// A device that is always full, as `/dev/full` is.
#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let world = world();
    let config = world.config();
    let exit = world.run_into("/dev/full", &["rules", "--config", config.to_str().unwrap()]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains("standard output cannot be written"), "{exit:?}");
}
