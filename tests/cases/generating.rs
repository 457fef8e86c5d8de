//! Makers of training data: paid once, whoever is killed; never past the cap; and a site without traffic learns from what was made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::kept;
use harness::program::{Exit, World};
use harness::script;
use harness::teacher::{Received, ScriptedTeacher};
use harness::wait::{eventually, within};

use crate::PROGRAM;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");
/// Calls that a maker has under way at a time.
const CONCURRENCY: usize = 4;

/// A scene whose words follow from the question, so that every one is new; a small name for a whole prompt.
fn scene(request: &Received) -> String {
    let text = request.json()["messages"][0]["content"].as_str().unwrap().to_owned();
    let seed = request.json()["seed"].as_u64().unwrap_or(0);
    let hash = text.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let word =
        |at: u64| format!("{}{}", ["ra", "lo", "mi", "ke", "tu"][(hash >> at) as usize % 5], (hash >> (at + 3)) % 911);
    let line = |from: u64| (0..8).map(|at| word(from + 5 * at)).collect::<Vec<_>>().join(" ");
    format!("Player: {}\nCharacter: {}.", line(0), line(11))
}

fn world(teacher: &ScriptedTeacher) -> World {
    let mut world = World::new(PROGRAM, &teacher.base_url());
    world.set("generate.model", "scripted-1").set("generate.concurrency", CONCURRENCY as i64);
    world.set("generate.reasoning_tokens", 0).set("teacher.input_price", 1.0).set("teacher.output_price", 1.0);
    world
}

fn bootstrap(world: &World, more: &[&str]) -> Exit {
    let config = world.config();
    let mut arguments = vec!["generate", "bootstrap", "--config", config.to_str().unwrap(), "--turns-max", "1"];
    arguments.extend(more);
    world.run(&arguments)
}

fn run_dir(world: &World) -> PathBuf {
    world.data().join("generate/bootstrap")
}

/// The keys of the calls that are on disk.
fn journal(run: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(run.join("calls.jsonl")).unwrap_or_default();
    let whole = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    whole.map(|call| call["call"]["key"].as_str().unwrap().to_owned()).collect()
}

fn spawn(world: &World, count: &str) -> Child {
    let config = world.config();
    Command::new(PROGRAM)
        .args(["generate", "bootstrap", "--config", config.to_str().unwrap(), "--turns-max", "1", "--count", count])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_run_that_is_killed_again_and_again_pays_nothing_twice_and_loses_nothing() {
    let teacher = ScriptedTeacher::start(|request| {
        std::thread::sleep(Duration::from_millis(5));
        script::says(&scene(request))
    });
    let world = world(&teacher);
    let mut kills = 0;
    while kills < 4 {
        let before = teacher.received().len();
        let mut child = spawn(&world, "90");
        eventually("a few more calls", || (teacher.received().len() >= before + 12).then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    let exit = bootstrap(&world, &["--count", "90"]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let keys = journal(&run_dir(&world));
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "a call is in the journal twice");
    // What was under way at a kill was asked and never heard.
    let asked = teacher.received().len();
    assert!(asked <= keys.len() + kills * CONCURRENCY, "{asked} calls for {} answers", keys.len());
    let again = bootstrap(&world, &["--count", "90"]);
    assert_eq!((again.code, teacher.received().len()), (Some(0), asked), "a finished run asks nothing");
    // The same run without a kill gives the same items.
    let other = world_beside(&teacher);
    assert_eq!(bootstrap(&other, &["--count", "90"]).code, Some(0));
    let items = |world: &World| {
        let text = std::fs::read_to_string(run_dir(world).join("items.jsonl")).unwrap();
        let item = |line: &str| {
            let mut item: serde_json::Value = serde_json::from_str(line).unwrap();
            item["created_at_ms"] = 0.into();
            item
        };
        text.lines().map(item).collect::<Vec<_>>()
    };
    assert_eq!(items(&world), items(&other));
    assert!(items(&world).len() >= 90);
}

fn world_beside(teacher: &ScriptedTeacher) -> World {
    world(teacher)
}

#[test]
fn a_run_that_is_asked_to_stop_hears_what_is_under_way_and_says_how_to_go_on() {
    let teacher = ScriptedTeacher::start(|request| {
        std::thread::sleep(Duration::from_millis(30));
        script::says(&scene(request))
    });
    let world = world(&teacher);
    let child = spawn(&world, "90");
    eventually("a few calls", || (teacher.asked() >= 10).then_some(()));
    harness::program::ask_id_to_stop(i32::try_from(child.id()).unwrap());
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(journal(&run_dir(&world)).len(), teacher.asked(), "what was paid is kept");
    let report = std::fs::read_to_string(run_dir(&world).join("report.json")).unwrap();
    assert!(report.contains("interrupted; the same command goes on from here"), "{report}");
}

#[test]
fn the_money_cap_is_never_passed_and_a_higher_one_goes_on_from_there() {
    // Usage says 9 and 3 tokens a call: at these prices 12 dollars a million calls.
    let teacher = ScriptedTeacher::start(|request| script::says(&scene(request)));
    let mut world = world(&teacher);
    world.set("teacher.input_price", 1000.0).set("teacher.output_price", 1000.0);
    let stopped = bootstrap(&world, &["--count", "90", "--budget-usd", "4"]);
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.stderr.contains("the money cap is reached"), "{}", stopped.stderr);
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(run_dir(&world).join("report.json")).unwrap()).unwrap();
    let spent = report["spent_usd"].as_f64().unwrap();
    assert!(spent > 0.0 && spent <= 4.0, "{spent}");
    assert!(report["ended"].as_str().unwrap().contains("money cap"), "{report}");
    let asked = teacher.received().len();
    assert_eq!(bootstrap(&world, &["--count", "90", "--budget-usd", "1000"]).code, Some(0));
    assert_eq!(
        teacher.received().len(),
        journal(&run_dir(&world)).len(),
        "the {asked} first calls were not asked again"
    );
}

#[test]
fn what_has_no_price_is_not_begun_and_a_dry_run_asks_nothing() {
    let teacher = ScriptedTeacher::start(|request| script::says(&scene(request)));
    let mut plain = World::new(PROGRAM, &teacher.base_url());
    plain.set("generate.model", "nobodys-model");
    let exit = bootstrap(&plain, &["--count", "9"]);
    assert_eq!(exit.code, Some(1));
    assert!(exit.stderr.contains("no price is known of `nobodys-model`"), "{}", exit.stderr);
    let dry = bootstrap(&world(&teacher), &["--count", "900", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert!(dry.stdout.contains("about 1350 calls of scripted-1"), "{}", dry.stdout);
    let from_nothing = &["generate", "self-grow", "--practice", "--from", "no-such-run", "--dry-run"];
    let missing = plain.run(from_nothing);
    assert!(missing.code == Some(1) && missing.stderr.contains("no-such-run"), "{missing:?}");
    assert_eq!(teacher.received().len(), 0);
}

#[test]
fn a_run_that_keeps_nothing_is_no_success() {
    let teacher = ScriptedTeacher::start(|_| script::says("As an AI language model I cannot."));
    let world = world(&teacher);
    let exit = bootstrap(&world, &["--count", "2"]);
    assert!(exit.code == Some(1) && exit.stderr.contains("nothing was kept; the report says"), "{exit:?}");
}

#[test]
fn a_teacher_that_is_gone_ends_the_run_with_its_words_and_nothing_is_lost() {
    let teacher = ScriptedTeacher::start(|request| script::says(&scene(request)));
    let world = world(&teacher);
    let folder = run_dir(&world);
    assert_eq!(bootstrap(&world, &["--count", "45", "--run", folder.to_str().unwrap()]).code, Some(0));
    let known = journal(&folder).len();
    teacher.change(|_| script::whole("401 Unauthorized", &[], br#"{"error":{"message":"bad key"}}"#));
    let other = world.dir.path().join("other");
    let exit = bootstrap(&world, &["--count", "45", "--run", other.to_str().unwrap()]);
    assert_eq!(exit.code, Some(1));
    assert!(exit.stderr.contains("failures in a row") && exit.stderr.contains("bad key"), "{}", exit.stderr);
    assert_eq!(journal(&other), Vec::<String>::new(), "failures of a teacher that is gone are asked again");
    assert_eq!(journal(&folder).len(), known);
}

#[test]
fn bad_lines_of_an_input_file_are_refused_with_file_line_and_reason_and_the_run_goes_on() {
    let teacher = ScriptedTeacher::start(|request| script::says(&scene(request)));
    let world = world(&teacher);
    let personas = world.dir.path().join("personas.jsonl");
    let good = |role: &str| {
        format!(
            r#"{{"id":"{role}","role":"{role}","name":"Ada","place":"Ash","voice":"You are calm.","facts":["It rains."]}}"#
        )
    };
    let roles = ["npc", "quest-giver", "shopkeeper", "lore-keeper", "tutorial-guide"].map(good).join("\n");
    let mut bytes = format!("{roles}\n{{\"id\":\"x\",\"role\":\"king\"}}\n").into_bytes();
    bytes.extend(std::iter::repeat_n(b'x', 100 << 20));
    bytes.extend_from_slice(b"\ncaf\xe9\n{\"id\":");
    std::fs::write(&personas, bytes).unwrap();
    let exit = bootstrap(&world, &["--count", "45", "--personas", personas.to_str().unwrap()]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.stdout.contains("4 lines of input could not be read"), "{}", exit.stdout);
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(run_dir(&world).join("report.json")).unwrap()).unwrap();
    let said: Vec<(u64, String)> = report["refused_lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["line"].as_u64().unwrap(), line["reason"].as_str().unwrap().to_owned()))
        .collect();
    let wanted = [(6, "unknown variant `king`"), (7, "longer than"), (8, "is not UTF-8"), (9, "EOF")];
    for ((line, reason), (number, part)) in said.iter().zip(wanted) {
        assert!(*line == number && reason.contains(part), "{line}: {reason}");
    }
}

/// Each maker, as few items as a lesson needs, and where the provenance of its exchanges says they come from.
const MAKERS: [(&str, &[&str], &str); 5] = [
    ("bootstrap", &["--turns-max", "1", "--count", "225"], "bootstrap"),
    ("self-instruct", &["--count", "60"], "self-instruct"),
    (
        "self-play",
        &["--count", "80", "--requests", "templates,teacher", "--max-tokens", "64", "--base", BASE],
        "self-play",
    ),
    ("autoif", &["--calls", "2"], "autoif"),
    ("levels", &["--count", "120", "--width", "8", "--height", "8"], "levels"),
];

#[test]
fn what_each_maker_made_teaches_a_site_that_nobody_has_asked_anything_yet() {
    let teacher = ScriptedTeacher::start(|_| script::says("unused"));
    let mut world = world(&teacher);
    world.set("student.enabled", true).set("student.base", BASE).set("student.context", 512);
    world.set("handover.exam_min", 0.0).set("lessons.exchanges_min", 20).set("lessons.check_every_ms", 50);
    for (key, value) in [("max_steps", 4), ("batch_size", 4), ("rank", 4), ("max_tokens", 512), ("threads", 1)] {
        world.set(&format!("lessons.train.{key}"), value);
    }
    let run = |maker: &str| world.dir.path().join(maker).display().to_string();
    for (maker, arguments, _) in MAKERS {
        let run = run(maker);
        let made = world.run(&[&["generate", maker, "--practice", "--run", &run], arguments].concat());
        assert_eq!(made.code, Some(0), "{maker}: {made:?}");
    }
    // The proxy holds the log: what was made goes through its admin listener.
    let proxy = world.start();
    let token = world.data().join("admin-token").display().to_string();
    let (config, admin) = (world.config().display().to_string(), format!("http://{}", proxy.admin));
    let store = |run: &str, site: &str| {
        let access = ["--config", &config, "--admin", &admin, "--token-file", &token];
        world.run(&[&["generate", "store", run, "--site", site], &access[..]].concat())
    };
    for (maker, ..) in MAKERS {
        let stored = store(&run(maker), &format!("of-{maker}"));
        assert!(stored.code == Some(0) && stored.stdout.contains(&format!("of-{maker}: ")), "{stored:?}");
    }
    let twice = store(&run("bootstrap"), "of-bootstrap");
    assert!(twice.code == Some(1) && twice.stderr.contains("is in the log already"), "{twice:?}");
    for (maker, ..) in MAKERS {
        within(Duration::from_secs(240), &format!("a version that learnt from {maker}"), || {
            assert!(!proxy.log().contains("lesson failed"), "{maker}: {}", proxy.log());
            let site = proxy.site_if_known(&format!("of-{maker}"))?;
            (site["state"] == "shadow").then_some(())
        });
    }
    assert_eq!(proxy.stop().code, Some(0));
    for (maker, _, source) in MAKERS {
        let exchanges = kept::exchanges(&world.data(), &format!("of-{maker}"));
        let sources: BTreeSet<String> = exchanges.iter().map(|exchange| format!("{:?}", exchange.source)).collect();
        assert_eq!(sources, BTreeSet::from([format!("Generated({source:?})")]));
    }
}
