//! `doctor` says of everything around a configuration whether it will do, in good time, and changes nothing.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use harness::learnt;
use harness::program::{Exit, World};
use harness::script;
use harness::teacher::{Received, ScriptedTeacher};
use harness::tls::Identity;
use serde_json::Value;

use crate::PROGRAM;

/// What it promises, and as much again for a machine that is busy with other tests.
const TIME: Duration = Duration::from_secs(3 + 12);
const KEY: &str = "sk-good";

/// A teacher that lists one model to whoever has the key.
fn teacher() -> ScriptedTeacher {
    ScriptedTeacher::start(|asked: &Received| match asked.header("authorization") {
        Some("Bearer sk-good") => script::json(r#"{"object":"list","data":[{"id":"gpt-5-mini"}]}"#),
        _ => script::whole("401 Unauthorized", &[], br#"{"error":{"message":"no such key"}}"#),
    })
}

fn world(teacher: &ScriptedTeacher) -> World {
    let mut world = World::new(PROGRAM, &teacher.base_url());
    // A start that asks for an address of its own asks nobody else's; `capture.free_mb_min` is this machine's to keep.
    world.env("TEST_TEACHER_KEY", KEY).set("capture.free_mb_min", 0);
    world
}

fn doctor(world: &World) -> Exit {
    let config = world.config();
    let began = Instant::now();
    let exit = world.run(&["doctor", "--json", "--config", config.to_str().unwrap()]);
    assert!(began.elapsed() < TIME, "{:?}: {exit:?}", began.elapsed());
    exit
}

/// Every finding by its name: state, what was said, what to do.
fn findings(exit: &Exit) -> BTreeMap<String, [String; 3]> {
    let said: Value = serde_json::from_str(&exit.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entry = |finding: &Value| (text(&finding["name"]), ["state", "said", "todo"].map(|key| text(&finding[key])));
    said["findings"].as_array().unwrap().iter().map(entry).collect()
}

#[track_caller]
fn assert_finding(exit: &Exit, name: &str, state: &str, parts: &[&str]) {
    let found = findings(exit);
    assert!(found.contains_key(name), "{name} in {found:#?}");
    let [is, said, todo] = &found[name];
    assert_eq!(is, state, "{name}: {said} {todo}");
    assert_eq!(state == "ok", todo.is_empty(), "{name}: {said} {todo}");
    parts
        .iter()
        .for_each(|part| assert!(said.contains(part) || todo.contains(part), "`{part}` in {name}: {said}; {todo}"));
}

#[test]
fn a_good_configuration_passes_and_nothing_is_made() {
    let teacher = teacher();
    let mut world = world(&teacher);
    learnt::with_students(&mut world);
    let before = harness::kept::files(world.dir.path()).len();
    let exit = doctor(&world);
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), ""), "{exit:?}");
    for (name, said) in [
        ("configuration", "apprentice.toml"),
        ("terms", "may be learnt from"),
        ("base model", "parameters"),
        ("number format", "f32 (student.format), computed by "),
        ("ONNX Runtime", "loads"),
        ("proxy.listen", "chooses"),
        ("permissions", "closed to others"),
        ("clock", ""),
        ("teacher's key", "$TEST_TEACHER_KEY"),
        ("teacher's answer", "reached; 1 models"),
        ("teacher's models", "`gpt-5-mini` (generate.model) is there"),
    ] {
        assert_finding(&exit, name, "ok", &[said]);
    }
    // The configuration is the test's own.
    assert_eq!(harness::kept::files(world.dir.path()).len(), before + 1);
    assert_eq!(teacher.only().target(), "/v1/models");

    let told = world.run(&["doctor", "--config", world.config().to_str().unwrap()]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.lines().any(|line| line.starts_with("ok    base model        ")), "{told:?}");
    assert!(!told.stdout.contains('\u{1b}'), "{told:?}");
}

#[test]
fn what_is_wrong_on_this_machine_is_named_with_what_to_do() {
    let teacher = teacher();
    let mut world = world(&teacher);
    learnt::with_students(&mut world);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let identity = Identity::default();
    let (pem, key) = (world.dir.path().join("own.pem"), world.dir.path().join("own.key"));
    identity.write_pem(&pem);
    identity.write_key(&key);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    world.set("proxy.listen", address.clone()).set("student.onnxruntime", "lib/none.so");
    world.set("admin.tls_cert_file", pem.display().to_string()).set("admin.tls_key_file", key.display().to_string());
    world.set("capture.free_mb_min", 1 << 20).set("generate.model", "gpt-5-nini");
    let exit = doctor(&world);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert_finding(&exit, "proxy.listen", "fail", &[&address, "another program"]);
    assert_finding(&exit, "ONNX Runtime", "fail", &["lib/none.so", "make setup"]);
    assert_finding(&exit, "admin.tls_cert_file", "ok", &["days"]);
    assert_finding(&exit, "permissions", "warn", &["own.key", "chmod"]);
    assert_finding(&exit, "data.dir", "fail", &["capture.free_mb_min"]);
    assert_finding(&exit, "teacher's models", "warn", &["gpt-5-nini", "did you mean `gpt-5-mini`"]);
}

#[test]
fn a_running_apprentice_is_no_stranger_at_its_port() {
    let teacher = teacher();
    let mut world = world(&teacher);
    let running = world.start();
    world.set("proxy.listen", running.proxy.to_string()).set("admin.listen", running.admin.to_string());
    let exit = doctor(&world);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    for name in ["proxy.listen", "admin.listen"] {
        assert_finding(&exit, name, "ok", &["an apprentice is running there"]);
    }
    // Somebody else who answers whatever is asked.
    let stranger = ScriptedTeacher::start(|_| script::says("ok"));
    let address = stranger.base_url();
    let address = address.trim_start_matches("http://").trim_end_matches("/v1");
    let exit = doctor(world.set("proxy.listen", address).set("admin.listen", address));
    assert_eq!(exit.code, Some(1), "{exit:?}");
    for name in ["proxy.listen", "admin.listen"] {
        assert_finding(&exit, name, "fail", &["another program"]);
    }
}

#[test]
fn a_refused_key_and_a_teacher_that_is_not_there_fail_in_time() {
    let teacher = teacher();
    let mut world = world(&teacher);
    let exit = doctor(world.env("TEST_TEACHER_KEY", "sk-wrong"));
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert_finding(&exit, "teacher's answer", "fail", &["$TEST_TEACHER_KEY is refused (401): no such key"]);
    assert!(!exit.stdout.contains("sk-wrong"), "{exit:?}");
    let exit = doctor(world.env("TEST_TEACHER_KEY", ""));
    assert_eq!(exit.code, Some(0), "clients may send their own: {exit:?}");
    assert_finding(&exit, "teacher's answer", "warn", &["$TEST_TEACHER_KEY is not set"]);

    // Free a moment ago, so nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let exit = doctor(world.set("teacher.base_url", format!("http://{free}/v1")));
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert_finding(&exit, "teacher's answer", "fail", &[&free.to_string(), "start the teacher"]);
    // Somebody who takes connections and says nothing.
    let silent = ScriptedTeacher::start(|_| vec![script::Step::Hang]);
    let exit = doctor(world.set("teacher.base_url", silent.base_url()));
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert_finding(&exit, "teacher's answer", "fail", &["2s"]);
    let strange = Identity::default();
    let secure = ScriptedTeacher::start_secure(&strange, |_| script::json("{}"));
    let exit = doctor(world.set("teacher.base_url", secure.base_url()));
    assert_finding(&exit, "teacher's answer", "fail", &["certificate", "teacher.ca_file"]);
}

#[test]
fn a_configuration_that_cannot_be_read_is_a_finding_too() {
    let teacher = teacher();
    let mut world = world(&teacher);
    let exit = doctor(world.set("proxy.port", 8080));
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(1), ""), "{exit:?}");
    assert_finding(&exit, "configuration", "fail", &["[proxy] has no key `port`", "apprentice init"]);
    assert_eq!(teacher.asked(), 0);
}

#[test]
fn what_a_teacher_says_steers_no_terminal() {
    let hostile = r#"{"error":{"message":"\u001b[2Jgone\u009b31m\u202etxet"}}"#;
    let teacher = ScriptedTeacher::start(move |_| script::whole("401 Unauthorized", &[], hostile.as_bytes()));
    let world = world(&teacher);
    let exit = world.run(&["doctor", "--config", world.config().to_str().unwrap()]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stdout.contains(r"\u001b[2Jgone\u009b31m\u202etxet"), "{exit:?}");
    assert!(!exit.stdout.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{exit:?}");
}
