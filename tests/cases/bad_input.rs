//! What is wrong is said before anything is served: what, where, and what to do.

use std::fs;
use std::net::TcpListener;

use harness::kept::exchanges;
use harness::learnt;
use harness::program::{Exit, World};
use harness::script;
use harness::teacher::ScriptedTeacher;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

/// A proxy that no test sends a request through.
fn world() -> World {
    World::new(PROGRAM, "http://127.0.0.1:9/v1")
}

fn says(exit: &Exit, parts: &[&str]) {
    for part in parts {
        assert!(exit.stderr.contains(part), "`{part}` should be in: {}", exit.stderr);
    }
    assert!(exit.stderr.starts_with("apprentice: "), "one message, not a trace: {}", exit.stderr);
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    for (key, value) in [("teacher.base_uri", "http://x/v1"), ("proxy.port", "8080"), ("capture.enable", "yes")] {
        let mut world = world();
        let exit = world.set(key, value).fails_to_start();
        let path = world.config();
        let name = key.split('.').nth(1).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().position(|line| line.starts_with(name)).unwrap() + 1;
        let section = key.split('.').next().unwrap();
        let place = format!("{}:{line}:1", path.display());
        says(&exit, &[&format!("[{section}] has no key `{name}`"), &place, &format!("{line} | {name} = ")]);
    }
}

#[test]
fn every_problem_of_a_configuration_is_shown_at_once_with_its_line_and_what_may_have_been_meant() {
    let world = world();
    let path = world.dir.path().join("wrong.toml");
    let text = "\
[proxy]
thread = 2
body_mb = 4096
connections_max = \"many\"

[handver]
quality_min = 0.9

[handover]
ratings = \"agianst\"
errors_max = 7.5

[capture]
quality_floor = 0.5

[sites.shop]
comparison = \"exactly\"
colour = \"red\"

[sites.shop.handover]
risk_alfa = 0.1
quality_min = 1.5

[keys.tools]
site = \"shop\"
";
    fs::write(&path, text).unwrap();
    let exit = world.run(&["serve", "--config", path.to_str().unwrap()]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    let place = |start: &str| {
        let line = text.lines().position(|line| line.starts_with(start)).unwrap();
        let column = start.find(['"', '4', '7', '1']).unwrap_or(0) + 1;
        format!("wrong.toml:{}:{column}", line + 1)
    };
    for (said, at) in [
        ("did you mean `threads`?", place("thread = 2")),
        ("proxy.body_mb = 4096 must be from 1 to 1024", place("body_mb = 4096")),
        ("expected a whole number, 0 or more", place("connections_max = \"")),
        ("did you mean `handover`?", place("[handver]").replace(":1", ":2")),
        ("did you mean \"against\"?", place("ratings = \"")),
        ("handover.errors_max = 7.5 must lie strictly between 0 and 1", place("errors_max = 7")),
        ("did you mean `handover.quality_floor`, which stands in another section?", place("quality_floor")),
        ("sites.shop.comparison: unknown variant `exactly`", place("comparison = \"")),
        ("[sites.shop] has no key `colour`", place("colour")),
        ("did you mean `risk_alpha`?", place("risk_alfa")),
        ("sites.shop.handover.quality_min = 1.5 must lie", place("quality_min = 1")),
        ("keys.tools: missing field `hash`", String::new()),
    ] {
        says(&exit, &[said, &at]);
    }
    // The same for whoever only looks.
    let checked = world.run(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!((checked.code, &checked.stderr), (Some(1), &exit.stderr));

    // What is no TOML is not guessed at.
    fs::write(&path, "[proxy]\nthreads = \n[admin\n").unwrap();
    let exit = world.run(&["serve", "--config", path.to_str().unwrap()]);
    says(&exit, &["wrong.toml:2:", "wrong.toml:3:", "2 problems"]);
}

#[test]
fn a_context_that_the_base_does_not_take_is_said_at_the_start_and_not_after_a_lesson() {
    let mut world = world();
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");
    world.set("student.enabled", true).set("student.base", base).set("student.context", 513);
    says(&world.fails_to_start(), &["student.context = 513", "at most 512", "models/practice"]);
}

#[test]
fn a_value_that_cannot_be_is_named() {
    let table = |key: &str, value: toml::Value| toml::Table::from_iter([(key.to_owned(), value)]);
    let cases: [(&str, toml::Value, &[&str]); 8] = [
        ("proxy.listen", "nowhere".into(), &["proxy.listen", "apprentice.toml:"]),
        (
            "teacher.base_url",
            "api.openai.com/v1".into(),
            &["teacher.base_url", "api.openai.com/v1", "https://api.openai.com/v1"],
        ),
        ("teacher.ca_file", "no-such.pem".into(), &["teacher.ca_file", "no-such.pem"]),
        ("teacher.distillable", "maybe".into(), &["distillable", "maybe", "unknown"]),
        ("handover.quality_min", 1.5.into(), &["quality_min", "1.5"]),
        ("verifiers.must_match", vec!["(".to_owned()].into(), &["must_match", "regular expression"]),
        ("sites.bad name", table("capture", true.into()).into(), &["bad name"]),
        ("sites.shop", table("colour", "red".into()).into(), &["sites.shop", "colour"]),
    ];
    for (key, value, parts) in cases {
        let mut world = world();
        let exit = world.set(key, value).fails_to_start();
        says(&exit, parts);
    }
}

#[test]
fn a_configuration_that_is_not_there_is_an_error_that_says_how_to_get_one() {
    let exit = world().run(&["serve", "--config", "nowhere.toml"]);
    assert_eq!(exit.code, Some(1));
    says(&exit, &["nowhere.toml", "apprentice init"]);
}

#[test]
fn a_missing_model_folder_is_named_with_both_ways_out() {
    let mut world = world();
    let exit = world.set("student.enabled", true).set("student.base", "models/none").fails_to_start();
    says(&exit, &["student.base", "models/none", "student.enabled = false"]);
}

#[test]
fn a_library_that_is_not_there_is_named() {
    let mut world = world();
    learnt::with_students(&mut world);
    let exit = world.set("student.onnxruntime", "lib/none.so").fails_to_start();
    says(&exit, &["student.onnxruntime", "lib/none.so"]);
}

#[test]
fn a_port_that_is_taken_is_named_whoever_has_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let other = TcpListener::bind(taken).unwrap();
    for key in ["proxy.listen", "admin.listen"] {
        let mut world = world();
        says(&world.set(key, taken.to_string()).fails_to_start(), &["cannot listen", &taken.to_string()]);
    }
    drop(other);
    // Another copy of the program shares its port among its own threads, not with us.
    let mut first = world();
    let running = first.set("proxy.listen", taken.to_string()).start();
    let mut second = world();
    says(&second.set("proxy.listen", taken.to_string()).fails_to_start(), &["cannot listen", &taken.to_string()]);
    drop(running);
}

#[test]
fn a_data_folder_that_another_copy_uses_is_left_alone() {
    let first = world();
    let running = first.start();
    says(&first.fails_to_start(), &["in use by another process"]);
    drop(running);
}

#[test]
fn a_damaged_store_is_set_aside_and_the_proxy_starts() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    proxy.captured(1);
    assert_eq!(proxy.stop().code, Some(0));

    for (path, bytes) in harness::kept::files(&world.data()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.starts_with(world.data().join("capture")) && name != "lock" {
            fs::write(&path, bytes.iter().map(|byte| byte ^ 0xa5).collect::<Vec<u8>>()).unwrap();
        }
    }
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    proxy.captured(1);
    proxy.logs("damaged store set aside");
    assert_eq!(proxy.stop().code, Some(0));
    assert_eq!(exchanges(&world.data(), "shop").len(), 1, "what came after the damage is kept");
    let names = fs::read_dir(world.data().join("capture")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert_eq!(names.filter(|name| name.contains("damaged")).count(), 1, "nothing is thrown away");
}

#[test]
fn an_unknown_number_format_and_an_unknown_instruction_are_named() {
    let mut world = world();
    learnt::with_students(&mut world);
    world.set("student.format", "i8row");
    says(&world.fails_to_start(), &["student.format", "i8row", "i8packed"]);
    world.set("student.format", "auto");
    let check = world.run(&["check", "--config", world.config().to_str().unwrap()]);
    assert!(check.stdout.contains("ok    number format: f32"), "{check:?}");
    world.env("APPRENTICE_CPU_MASK", "flux");
    says(&world.fails_to_start(), &["APPRENTICE_CPU_MASK", "flux"]);
}

#[test]
fn a_variable_that_cannot_be_followed_is_named_and_a_key_is_not_shown() {
    let mut world = world();
    let exit = world.env("TEST_TEACHER_KEY", "sk-secret\nline").fails_to_start();
    says(&exit, &["$TEST_TEACHER_KEY", "line breaks"]);
    assert!(!exit.stderr.contains("sk-secret"), "{exit:?}");
    let exit = world.env("APPRENTICE_LOG", "apprentice=loud").run(&["reference", "metrics"]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    says(&exit, &["APPRENTICE_LOG is not followed"]);
}

#[test]
fn a_log_that_cannot_be_written_ends_no_request_and_no_stop() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new("/bin/sh", &teacher.base_url()).through(&["-c", "exec \"$0\" \"$@\" 2>/dev/full", PROGRAM]);
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    // A hold is a line in the log.
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/hold", "").status(), 200);
    assert_eq!(proxy.chat("shop", ASKED).header("x-apprentice-reason"), "held");
    assert_eq!(proxy.stop().code, Some(0));
}

#[test]
fn an_exchange_log_that_cannot_be_opened_is_done_without() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new(PROGRAM, &teacher.base_url());
    fs::create_dir_all(world.data()).unwrap();
    fs::write(world.data().join("capture"), "a file where a folder should be").unwrap();
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", ASKED).text(), script::completion("ok"));
    assert_eq!(proxy.metric("apprentice_capture_stopped", &[]), 1.0);
    proxy.logs("the exchange log cannot be opened");
}

#[test]
fn a_hand_over_log_that_cannot_be_opened_sends_every_site_to_the_teacher_until_it_can() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new(PROGRAM, &teacher.base_url());
    let ledger = world.data().join("ledger");
    fs::create_dir_all(world.data()).unwrap();
    fs::write(&ledger, "a file where a folder should be").unwrap();
    let proxy = world.start();
    let reason = || proxy.chat("shop", ASKED).header("x-apprentice-reason").to_owned();
    assert_eq!(reason(), "log-unavailable");
    assert_eq!(proxy.metric("apprentice_handover_log_unavailable", &[]), 1.0);
    fs::remove_file(&ledger).unwrap();
    harness::wait::eventually("the log to be opened", || (reason() == "teacher").then_some(()));
    assert_eq!(proxy.metric("apprentice_handover_log_unavailable", &[]), 0.0);
}

#[test]
fn a_teacher_that_cannot_be_reached_is_said_to_the_client_counted_and_logged_once() {
    // Free a moment ago, so nobody listens.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = World::new(PROGRAM, &format!("http://{address}/v1")).start();
    for answer in [proxy.chat("shop", ASKED), harness::client::ask(proxy.proxy, "GET", "/v1/models", &[], b"")] {
        let body = answer.json();
        let error = body["error"].as_object().unwrap();
        assert_eq!(error.keys().map(String::as_str).collect::<Vec<_>>(), ["message", "type", "param", "code"]);
        assert_eq!((answer.status(), error["code"].as_str()), (502, Some("teacher_unreachable")));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&address.to_string()) && message.contains("teacher.base_url"), "{message}");
        assert_eq!(answer.head.find("x-should-retry"), None, "the network may be back for a retry");
    }
    let count = |name: &str, labels: &[&str]| proxy.metric(name, labels);
    assert!((count("apprentice_teacher_failures_total", &["teacher_unreachable"]) - 2.0).abs() < 1e-9);
    // Where alerts on the teacher look, also for what is no chat request.
    assert!((count("apprentice_requests_total", &["default", "teacher", "502"]) - 1.0).abs() < 1e-9);
    proxy.logs("requests got no answer from the teacher");
    assert_eq!(proxy.log().matches("requests got no answer from the teacher").count(), 1, "{}", proxy.log());
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_collector_needs_a_program_that_was_built_for_it() {
    let exit = world().set("traces.otlp_endpoint", "http://127.0.0.1:4318").fails_to_start();
    says(&exit, &["traces.otlp_endpoint", "--features otlp"]);
}

#[cfg(feature = "otlp")]
#[test]
fn a_collectors_address_is_checked() {
    let exit = world().set("traces.otlp_endpoint", "https://127.0.0.1:4318").fails_to_start();
    says(&exit, &["traces.otlp_endpoint", "no address of a collector"]);
}
