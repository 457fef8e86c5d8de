//! An operator steers a site over the admin API and the command line, and whoever listens is told.

use handover::State;
use harness::learnt::{self, SAYS};
use harness::program::{Apprentice, World};
use harness::script;
use harness::teacher::ScriptedTeacher;
use harness::wait::eventually;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Where is the sea?"}]}"#;

fn serving(change: impl FnOnce(&mut World)) -> (ScriptedTeacher, World) {
    let teacher = ScriptedTeacher::start(|_| script::says(SAYS));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    change(&mut world);
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, 0.5, State::Student);
    (teacher, world)
}

fn by_student(proxy: &Apprentice) -> usize {
    let asked = (0..40).map(|_| proxy.chat("shop", ASKED));
    asked.filter(|answer| answer.header("x-apprentice-route") == "student").count()
}

fn post(proxy: &Apprentice, verb: &str, body: &str) -> serde_json::Value {
    let answer = proxy.admin("POST", &format!("/admin/call-sites/shop/{verb}"), body);
    assert_eq!(answer.status(), 200, "{answer:?}");
    answer.json()
}

#[test]
fn a_cap_a_pause_and_shadow_hold_from_the_next_request_on_and_through_a_restart() {
    let (_teacher, world) = serving(|_| {});
    let proxy = world.start();
    assert_eq!(by_student(&proxy), 40);
    let capped = post(&proxy, "cap", r#"{"share": 0.25, "reason": "launch day", "actor": "ada"}"#);
    assert_eq!((capped["share_max"].as_f64(), capped["actor"].as_str()), (Some(0.25), Some("ada")));
    assert!((1..=25).contains(&by_student(&proxy)));
    assert_eq!(proxy.site("shop")["student_share"].as_f64(), Some(0.25));
    post(&proxy, "pause", "");
    eventually("the gauge", || (proxy.metric("apprentice_site_paused", &["shop"]) > 0.0).then_some(()));
    proxy.kill();
    let proxy = world.start();
    let site = proxy.site("shop");
    assert_eq!((site["paused"].as_bool(), site["share_max"].as_f64()), (Some(true), Some(0.25)));
    post(&proxy, "cap", r#"{"share": 1.0}"#);
    post(&proxy, "shadow", "");
    assert_eq!((by_student(&proxy), proxy.site("shop")["state"].as_str()), (0, Some("shadow")));
    post(&proxy, "resume", "");
    assert_eq!(proxy.site("shop")["state"], "canary", "its evidence was kept");
    for bad in [r#"{"share": 0}"#, r#"{"share": 2}"#] {
        assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/cap", bad).status(), 409);
    }
}

#[test]
fn the_command_line_says_who_and_why() {
    let (_teacher, world) = serving(|_| {});
    let proxy = world.start();
    let admin = format!("http://{}", proxy.admin);
    let token = world.data().join("admin-token").display().to_string();
    let exit = world.run(&[
        "sites",
        "--admin",
        &admin,
        "--token-file",
        &token,
        "pause",
        "shop",
        "--reason",
        "a party",
        "--actor",
        "grace",
    ]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let entry = proxy.admin("GET", "/admin/audit?site=shop&limit=1", "").json();
    let said = (entry[0]["actor"].as_str(), entry[0]["reason"].as_str(), entry[0]["paused"].as_bool());
    assert_eq!(said, (Some("grace"), Some("a party"), Some(true)));
}

#[test]
fn players_complaints_send_a_student_away_and_a_policy_is_tried_on_what_was_recorded() {
    let (_teacher, world) = serving(|_| {});
    let proxy = world.start();
    let admin = format!("http://{}", proxy.admin);
    let token = world.data().join("admin-token").display().to_string();
    let access = ["--admin", admin.as_str(), "--token-file", token.as_str()];
    let run = |words: &[&str]| world.run(&[words, &access].concat());
    let mut complaints = 0;
    while proxy.site("shop")["state"] == "student" {
        let answer = proxy.chat("shop", ASKED);
        assert_eq!(answer.header("x-apprentice-route"), "student");
        let version = answer.header("x-apprentice-model").split_once('@').unwrap().1;
        let request = answer.header("x-apprentice-request-id");
        let exit = run(&["sites", "rate", "shop", request, "bad", "--version", version, "--reason", "there is no sea"]);
        assert_eq!(exit.code, Some(0), "{exit:?}");
        complaints += 1;
        assert!(complaints < 20);
    }
    assert_eq!(proxy.site("shop")["last_switch"]["cause"], "drift");
    assert!(proxy.metric("apprentice_ratings_total", &["shop", "bad"]) >= f64::from(complaints));
    let last = proxy.chat("shop", ASKED);
    assert_eq!(last.header("x-apprentice-route"), "teacher");
    let exit = run(&["sites", "rate", "shop", last.header("x-apprentice-request-id"), "good"]);
    assert!(exit.code == Some(1) && exit.stderr.contains("404"), "{exit:?}");
    // Had ratings counted for nothing, it would serve still.
    let policy = world.dir.path().join("policy.toml").display().to_string();
    std::fs::write(&policy, "ratings = \"ignored\"\n").unwrap();
    let exit = run(&["policy", "try", &policy, "--site", "shop"]);
    assert!(exit.code == Some(0) && exit.stdout.contains("at the end: student"), "{exit:?}");
    std::fs::write(&policy, "").unwrap();
    let exit = run(&["policy", "try", &policy]);
    assert!(exit.stdout.contains("student -> teacher (drift)"), "{exit:?}");
}

#[test]
fn every_transition_is_posted_to_the_webhooks() {
    let listener = ScriptedTeacher::start(|_| script::json("{}"));
    let url = listener.base_url().replace("/v1", "/hooks/apprentice");
    let (_teacher, world) = serving(|world| {
        world.set("webhooks.urls", vec![url]);
    });
    let proxy = world.start();
    post(&proxy, "rollback", r#"{"reason": "players complained"}"#);
    let told = listener.eventually(0, "the webhook", |received| received.target() == "/hooks/apprentice");
    let told = told.json();
    assert_eq!((told["site"].as_str(), told["to"].as_str()), (Some("shop"), Some("held")), "{told}");
    assert_eq!(told["reason"], "players complained");
    eventually("the count", || (proxy.metric("apprentice_webhooks_total", &["sent"]) == 1.0).then_some(()));
}

#[test]
fn a_configured_judges_budget_and_the_teachers_prices_are_shown() {
    let (_teacher, world) = serving(|world| {
        world.set("judge.model", "a-judge").set("judge.budget_per_day", 2.5).set("judge.input_price", 1.0);
        world.set("teacher.input_price", 0.5).set("teacher.output_price", 2.0);
        world.set("handover.audit_share_serving", 1.0);
    });
    let proxy = world.start();
    assert_eq!(proxy.metric("apprentice_judge_budget_usd", &[]), 2.5);
    assert_eq!(proxy.metric("apprentice_judge_spent_usd", &[]), 0.0);
    assert_eq!(proxy.chat("inn", ASKED).header("x-apprentice-route"), "teacher");
    assert_eq!(proxy.chat("shop", ASKED).header("x-apprentice-route"), "student");
    assert!(proxy.metric("apprentice_saved_usd", &["shop"]) > 0.0);
    eventually("the price of the audit", || {
        let paid = |site, purpose| proxy.metric("apprentice_teacher_spent_usd", &[site, purpose]);
        (paid("shop", "audit") > 0.0 && paid("shop", "traffic") == 0.0 && paid("inn", "traffic") > 0.0).then_some(())
    });
    // Of this site the teacher has answered nothing, so nobody knows what waiting for it would have been.
    assert_eq!(proxy.metric("apprentice_saved_seconds", &["shop"]), 0.0);
}

#[test]
fn an_admin_listener_that_is_none_is_told_from_a_wrong_token() {
    let (_teacher, world) = serving(|_| {});
    let proxy = world.start();
    let admin = format!("http://{}", proxy.admin);
    let file = |name: &str, text: &str| {
        let path = world.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (policy, right) = (file("policy.toml", ""), world.data().join("admin-token").display().to_string());
    let (wrong, two_lines) = (file("wrong", "no such token"), file("two-lines", "secret\ntwo"));
    let tried = |admin: &str, token: &str| {
        let exit = world.run(&["policy", "try", &policy, "--admin", admin, "--token-file", token]);
        assert_eq!(exit.code, Some(1), "{exit:?}");
        exit.stderr
    };
    assert!(tried(&admin, &wrong).contains("401"));
    let unreadable = tried(&admin, &two_lines);
    assert!(unreadable.contains("two-lines") && !unreadable.contains("secret"), "{unreadable}");
    for address in ["127.0.0.1:9", "nonsense", "http://", "http://[::1", "ftp://127.0.0.1:9"] {
        let problem = tried(address, &right);
        assert!(problem.contains(address) && problem.contains("http://127.0.0.1:8081"), "{problem}");
    }
    for address in ["http://127.0.0.1:9", "https://127.0.0.1:9"] {
        assert!(tried(address, &right).contains("is `apprentice serve` running"));
    }
    // Another server: one that gives the same page for ever, and one that gives no list.
    let page = r#"[{"seq": 3, "at_ms": 9, "site": "shop", "record": "failed_exam", "version": "1", "exam": 0.1}]"#;
    for (body, problem) in [(page, "before"), (r#"[{"at_ms": 9}]"#, "seq"), ("{}", "list"), ("moved", "list")] {
        let other = ScriptedTeacher::start(move |_| script::json(body));
        let said = tried(&other.base_url().replace("/v1", ""), &right);
        assert!(said.contains("/admin/audit") && said.contains(problem), "{said}");
    }
    // Nothing that was asked wrongly has been done.
    let access = ["--admin", &admin, "--token-file", &right];
    let exit = world.run(&[&["sites", "show", "shop/hold?"], &access[..]].concat());
    assert!(exit.code == Some(1) && exit.stderr.contains("`shop/hold?`"), "{exit:?}");
    let exit = world.run(&[&["sites", "pause", "shop/rollback?"], &access[..]].concat());
    assert!(exit.code == Some(1) && exit.stderr.contains("`shop/rollback?`"), "{exit:?}");
    assert_eq!(proxy.site("shop")["state"], "student");
}
