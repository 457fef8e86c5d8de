//! Strangers at the port: nobody but programs, and pages that the operator names, spends the teacher's key.

use harness::client;
use harness::program::World;
use harness::script;
use harness::teacher::ScriptedTeacher;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
const CHAT: &str = "/v1/chat/completions";
/// A free port, for other machines too.
const EVERYWHERE: &str = "0.0.0.0:0";

#[test]
fn what_a_foreign_page_or_a_climbing_path_asks_never_reaches_the_teacher() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let status = |target: &str, headers: &[(&str, &str)]| proxy.post(target, headers, ASKED).status();
    assert_eq!(status(CHAT, &[("host", "rebound.evil.example")]), 421);
    assert_eq!(status(CHAT, &[("origin", "https://evil.example"), ("content-type", "text/plain")]), 403);
    assert_eq!(status("/v1/files", &[("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(status("/v1/%2e%2e/admin/keys", &[]), 400);
    assert_eq!(teacher.asked(), 0);
    let refused = proxy.post(CHAT, &[("origin", "https://evil.example")], ASKED).json();
    assert!(refused["error"]["message"].as_str().unwrap().contains("proxy.origins"), "{refused}");
    assert_eq!(status(CHAT, &[("origin", "http://localhost:3000"), ("sec-fetch-site", "same-site")]), 200);
}

#[test]
fn the_operators_own_key_is_not_for_other_machines_without_a_word() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    world.set("proxy.listen", EVERYWHERE).env("TEST_TEACHER_KEY", "sk-operator");
    let exit = world.fails_to_start();
    for part in ["proxy.listen 0.0.0.0:", "TEST_TEACHER_KEY", "proxy.open = true"] {
        assert!(exit.stderr.contains(part), "{}", exit.stderr);
    }
    world.set("proxy.open", true);
    let proxy = world.start();
    assert!(proxy.stop().stdout.contains("teacher's key: $TEST_TEACHER_KEY, whoever asks"));
}

#[test]
fn a_key_of_the_proxys_own_lets_in_up_to_its_limits_and_the_teacher_sees_the_operators() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let made = world.run(&["key", "tools", "--site", "shop", "--tokens-per-day", "10"]).stdout;
    let key = made.lines().find(|line| line.starts_with("sk-ap-tools-")).unwrap().to_owned();
    let (_, entry) = made.split_once("For the configuration:").unwrap();
    world.merge(entry);
    let exit = world.fails_to_start();
    assert!(exit.stderr.contains("[keys]") && exit.stderr.contains("TEST_TEACHER_KEY"), "{}", exit.stderr);
    // With keys other machines may be let in.
    let proxy = world.set("proxy.listen", EVERYWHERE).env("TEST_TEACHER_KEY", "sk-operator").start();
    let ask = |authorization: &str| proxy.post(CHAT, &[("authorization", authorization)], ASKED);
    for wrong in [
        "",
        "Bearer",
        "Bearer sk-operator",
        &format!("Bearer {key}0"),
        &format!("Basic {key}"),
        &format!("Bearer {}", key.strip_suffix(char::is_alphanumeric).unwrap()),
    ] {
        let refused = ask(wrong);
        assert_eq!(
            (refused.status(), refused.json()["error"]["code"].as_str()),
            (401, Some("invalid_api_key")),
            "{wrong}"
        );
    }
    assert_eq!(teacher.asked(), 0);
    // Usage says 5 and 2 tokens a call: the second passes the limit, the third is past it.
    for _ in 0..2 {
        assert_eq!(ask(&format!("bearer {key}")).status(), 200);
        proxy.captured(1);
    }
    let spent = ask(&format!("Bearer {key}"));
    assert_eq!((spent.status(), spent.json()["error"]["code"].as_str()), (429, Some("tokens_per_day")));
    assert!(spent.header("retry-after").parse::<u64>().unwrap() <= 86_400);
    assert!(teacher.received().iter().all(|request| request.header("authorization") == Some("Bearer sk-operator")));
    let exit = proxy.stop();
    assert!(!exit.stderr.contains(&key) && exit.stdout.contains("one of 1 keys"), "{exit:?}");
    assert_eq!(harness::kept::exchanges(&world.data(), "shop").len(), 2, "the key stands for a call site");
    let places = harness::program::places_of(&key, world.dir.path(), &[("log", &exit.stderr)]);
    assert!(places.is_empty(), "{places:?}");
}

#[test]
fn a_key_that_asks_too_often_waits() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let made = world.run(&["key", "tools", "--requests-per-minute", "2"]).stdout;
    let key = made.lines().find(|line| line.starts_with("sk-ap-tools-")).unwrap().to_owned();
    world.merge(made.split_once("For the configuration:").unwrap().1).env("TEST_TEACHER_KEY", "sk-operator");
    let proxy = world.start();
    let ask = || client::ask(proxy.proxy, "GET", "/v1/models", &[("authorization", &format!("Bearer {key}"))], b"");
    let statuses: Vec<u16> = (0..3).map(|_| ask().status()).collect();
    assert_eq!(statuses, [200, 200, 429]);
    let late = ask();
    assert_eq!(late.json()["error"]["code"].as_str(), Some("requests_per_minute"));
    assert!((1..=30).contains(&late.header("retry-after").parse::<u64>().unwrap()), "{}", late.header("retry-after"));
}

#[test]
fn a_base_url_with_a_password_or_a_query_is_refused_and_the_password_is_not_shown() {
    for (url, part) in
        [("http://me:hunter2@127.0.0.1:9/v1", "teacher.key_env"), ("http://127.0.0.1:9/v1?api-version=1", "query")]
    {
        let exit = World::new(PROGRAM, url).fails_to_start();
        assert!(exit.stderr.contains(part) && exit.stderr.contains("teacher.base_url"), "{}", exit.stderr);
        assert!(!exit.stderr.contains("hunter2"), "{}", exit.stderr);
    }
}

#[test]
fn a_hangup_reads_the_rules_again_and_a_bad_file_changes_nothing() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    proxy.captured(1);
    let private = toml::Table::from_iter([("capture".to_owned(), false.into())]);
    world.set("sites.shop", private).set("proxy.threads", 3);
    assert!(world.config().is_file());
    proxy.ask_to_reload();
    proxy.logs("the configuration was read again");
    proxy.logs("changed=\"sites.shop.capture\" wait=\"proxy.threads\"");
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    assert_eq!(proxy.chat("lore", ASKED).status(), 200);
    proxy.captured(2);
    std::fs::write(world.config(), "[site]\ncapture = \"perhaps\"\n").unwrap();
    proxy.ask_to_reload();
    proxy.logs("what is in force stays");
    assert!(proxy.metric("apprentice_config_last_reload_successful", &[]) < 0.5);
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    assert_eq!(proxy.stop().code, Some(0));
    let kept = |site: &str| harness::kept::exchanges(&world.data(), site).len();
    assert_eq!((kept("shop"), kept("lore")), (1, 1));
}
