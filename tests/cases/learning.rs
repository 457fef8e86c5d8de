//! A lesson from captured traffic to a version on trial, by the program's own child processes, whoever is killed on the way.

use std::fs;

use harness::learnt::{self, LESSON};
use harness::program::{Apprentice, World, ask_id_to_stop, kill_id};
use harness::script;
use harness::teacher::ScriptedTeacher;
use harness::wait::{eventually, within};

use crate::PROGRAM;

const EXCHANGES: u32 = 30;

fn asked(number: u32) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Is {number} much?"}}]}}"#)
}

/// A site that learns from few exchanges, with lessons of `steps` steps.
fn world(teacher: &ScriptedTeacher, steps: i64) -> World {
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_lessons(&mut world, EXCHANGES, steps);
    world
}

fn play(proxy: &Apprentice, from: u32) {
    for number in from..from + EXCHANGES {
        assert_eq!(proxy.chat("shop", &asked(number)).status(), 200);
    }
    proxy.captured(EXCHANGES);
}

fn teacher() -> ScriptedTeacher {
    ScriptedTeacher::start(|_| script::says("Yes, it is."))
}

/// Waits until lesson `number` has done `steps` steps.
fn at_step(proxy: &Apprentice, number: u64, steps: u64) {
    within(LESSON, "the lesson's steps", || {
        let lesson = proxy.site("shop")["lesson"].clone();
        let running = lesson["number"].as_u64() == Some(number);
        assert!(!running || lesson["problem"].is_null(), "{lesson}");
        (running && lesson["step"] == "training" && lesson["steps_done"].as_u64() >= Some(steps)).then_some(())
    });
}

/// A first lesson that will not end by itself.
fn in_a_lesson() -> (ScriptedTeacher, World, Apprentice) {
    let teacher = teacher();
    let world = world(&teacher, 5_000);
    let proxy = world.start();
    play(&proxy, 0);
    at_step(&proxy, 1, 1);
    (teacher, world, proxy)
}

#[test]
fn enough_exchanges_and_quiet_make_a_lesson_that_ends_with_a_version_on_trial() {
    let teacher = teacher();
    let world = world(&teacher, 20);
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", &asked(0)).status(), 200);
    let waits = eventually("what the lesson waits for", || {
        Some(proxy.site("shop")["next_lesson"].as_str()?.to_owned()).filter(|text| text.contains("30"))
    });
    assert!(waits.contains("exchanges"), "{waits}");
    play(&proxy, 0);
    let site = within(LESSON, "a version on trial", || {
        let site = proxy.site("shop");
        assert!(site["lesson"]["problem"].is_null(), "{site}\n{}", proxy.log());
        (site["state"] == "shadow").then_some(site)
    });
    let version = site["version"].as_str().unwrap();
    let published = world.registry().join("shop").join(version);
    for name in ["adapter_model.safetensors", "adapter_config.json", "apprentice.json"] {
        assert!(published.join(name).is_file(), "{name}");
    }
    let facts: serde_json::Value =
        serde_json::from_slice(&fs::read(published.join("apprentice.json")).unwrap()).unwrap();
    let lineage = &facts["facts"]["lineage"];
    let drawn = lineage["train"].as_u64().unwrap() + lineage["held_out"].as_u64().unwrap();
    assert!(drawn >= u64::from(EXCHANGES) && lineage["held_out"].as_u64() > Some(0), "{lineage}");
    assert_eq!((lineage["site"].as_str(), lineage["teacher"].as_str()), (Some("shop"), Some("scripted-1")));

    // How it learnt can be looked at, while it learns and afterwards.
    let shown = proxy.admin("GET", "/admin/call-sites/shop/lesson", "");
    assert_eq!((shown.status(), shown.header("content-type")), (200, "application/json"));
    let report: serde_json::Value = shown.json();
    assert_eq!((report["ended"].as_str(), report["steps"].as_u64()), (Some("all 20 steps are done"), Some(20)));
    assert_eq!(
        (report["curve"]["train"].as_array().unwrap().len(), &report["train"]["examples"]),
        (20, &lineage["train"])
    );
    let curve = proxy.admin("GET", "/admin/call-sites/shop/lesson/curve", "");
    assert_eq!((curve.status(), curve.header("content-type")), (200, "image/svg+xml"));
    assert_eq!(proxy.admin("GET", "/admin/call-sites/inn/lesson", "").status(), 404);
    assert_eq!(facts["facts"]["lesson"], 1);
    // A student of twenty steps says little that is right: what was furthest from the teacher's can be looked at.
    let worst = proxy.admin("GET", "/admin/call-sites/shop/lesson/worst", "").json();
    assert_eq!(worst[0]["teacher"], "Yes, it is.", "{worst}");
    let lessons = proxy.admin("GET", "/admin/call-sites/shop/lessons", "").json();
    assert_eq!((&lessons[0]["number"], &lessons[0]["ended"]), (&1.into(), &true.into()), "{lessons}");
    assert!(lessons[0]["version"].is_string() && lessons[0]["lineage"]["train"].as_u64() > Some(0), "{lessons}");
    assert!(worst[0]["prompt"][0]["content"].as_str().unwrap().starts_with("Is "), "{worst}");
    let versions = proxy.admin("GET", "/admin/call-sites/shop/versions", "").json();
    assert_eq!((&versions[0]["version"], &versions[0]["role"]), (&site["version"], &"candidate".into()));
    assert_eq!(&versions[0]["manifest"]["facts"], &facts["facts"]);

    // The version on trial is compared with the teacher, and the client notices nothing.
    let answer = proxy.chat("shop", &asked(999));
    assert_eq!((answer.header("x-apprentice-route"), answer.header("x-apprentice-reason")), ("teacher", "shadow"));
    eventually("an audit", || (proxy.site("shop")["audits"].as_u64() >= Some(1)).then_some(()));
}

#[test]
fn a_lesson_goes_on_after_the_proxy_was_killed_in_the_middle_of_it() {
    goes_on_after(|proxy, _| proxy.kill());
}

#[test]
fn a_lesson_goes_on_after_the_proxy_was_stopped_in_the_middle_of_it() {
    goes_on_after(|proxy, _| assert_eq!(proxy.stop().code, Some(0)));
}

#[test]
fn a_lesson_goes_on_after_proxy_and_lesson_were_stopped_together_as_systemd_does() {
    goes_on_after(|proxy, child| {
        ask_id_to_stop(child);
        // In the worst order: the proxy learns of its child's end before it is told to stop.
        gone(child);
        assert_eq!(proxy.stop().code, Some(0));
    });
}

fn gone(process: i32) {
    let here = || fs::exists(format!("/proc/{process}")).unwrap();
    eventually("the end of the lesson's process", || (!here()).then_some(()));
}

/// Ends the proxy in the middle of a lesson by `end`, which is told the lesson's process, and starts it again.
fn goes_on_after(end: impl Fn(Apprentice, i32)) {
    let teacher = teacher();
    let mut world = world(&teacher, 300);
    let proxy = world.start();
    play(&proxy, 0);
    at_step(&proxy, 1, 20);
    let folder = world.data().join("lessons/shop/1");
    eventually("a checkpoint", || folder.join("checkpoint").is_dir().then_some(()));
    let children = proxy.children("train");
    assert_eq!(children.len(), 1);
    let lineage = fs::read(folder.join("curriculum/lineage.json")).unwrap();
    end(proxy, children[0]);
    gone(children[0]);

    // A second lesson would need more exchanges than there will ever be.
    let proxy = world.set("lessons.exchanges_min", 1_000_000).start();
    proxy.logs("an interrupted lesson goes on");
    // Nothing is played: what goes on is the old lesson.
    let site = within(LESSON, "a version on trial", || {
        assert!(!proxy.log().contains("lesson failed"), "{}", proxy.log());
        let site = proxy.site_if_known("shop")?;
        assert!(site["lesson"]["problem"].is_null(), "{site}\n{}", proxy.log());
        (site["state"] == "shadow").then_some(site)
    });
    assert_eq!(site["lesson"]["number"], 1);
    let report: jobs::TrainReport =
        serde_json::from_slice(&fs::read(folder.join("adapter.report.json")).unwrap()).unwrap();
    let steps: Vec<u64> = report.curve.train.iter().map(|point| point.step).collect();
    assert_eq!(steps, (1..=300).collect::<Vec<u64>>(), "every step is reported once");
    assert_eq!(fs::read(folder.join("curriculum/lineage.json")).unwrap(), lineage, "what was drawn stays drawn");
    assert!(!world.data().join("lessons/shop/2").try_exists().unwrap());
}

/// Kills the lesson's process and waits for the next one.
fn killed_and_started_again(proxy: &Apprentice, process: i32) -> i32 {
    kill_id(process);
    eventually("the process that goes on", || proxy.children("train").into_iter().find(|child| *child != process))
}

#[test]
fn a_lesson_whose_process_is_killed_goes_on_and_is_given_up_after_the_third_time() {
    let (_teacher, _world, proxy) = in_a_lesson();
    let children = proxy.children("train");
    assert_eq!(children.len(), 1);
    let second = killed_and_started_again(&proxy, children[0]);
    at_step(&proxy, 1, 1);
    let third = killed_and_started_again(&proxy, second);
    assert!(proxy.site("shop")["lesson"]["problem"].is_null());
    assert_eq!(proxy.chat("shop", &asked(7)).header("x-apprentice-route"), "teacher");

    kill_id(third);
    let failed = eventually("the failed lesson", || {
        let lesson = proxy.site("shop")["lesson"].clone();
        (lesson["step"] == "failed").then_some(lesson)
    });
    assert_eq!(failed["number"], 1);
    assert!(failed["problem"].as_str().is_some_and(|problem| problem.contains("signal 9, 3 times")), "{failed}");
    let site = proxy.site("shop");
    assert_eq!((site["state"].as_str(), &site["version"]), (Some("teacher"), &serde_json::Value::Null));

    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/train", "").status(), 202);
    // The failed lesson is not taken up again, its exchanges are.
    at_step(&proxy, 2, 1);
    // Stopping does not wait for the lesson.
    assert_eq!(proxy.stop().code, Some(0));
}

#[test]
fn what_other_sites_wait_for_is_counted_on_while_a_lesson_runs() {
    let (_teacher, _world, proxy) = in_a_lesson();
    for number in 0..3 {
        assert_eq!(proxy.chat("inn", &asked(number)).status(), 200);
    }
    eventually("the count", || {
        let waits = proxy.site_if_known("inn")?["next_lesson"].as_str()?.to_owned();
        waits.contains("3 of 30").then_some(())
    });
    at_step(&proxy, 1, 2);
    assert_eq!(proxy.site("shop")["lesson"]["step"], "training");
}

#[test]
fn a_lesson_is_cancelled_by_a_person_and_its_process_ends() {
    let (_teacher, world, proxy) = in_a_lesson();
    let children = proxy.children("train");
    let body = r#"{"reason": "wrong data", "actor": "Mara"}"#;
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/lesson/cancel", body).status(), 202);
    gone(children[0]);
    let lesson = eventually("the cancelled lesson", || {
        let lesson = proxy.site("shop")["lesson"].clone();
        (lesson["step"] == "failed").then_some(lesson)
    });
    assert_eq!(lesson["problem"], "cancelled by Mara: wrong data");
    let folder = world.data().join("lessons/shop/1");
    eventually("the lesson's end on disk", || folder.join("outcome.json").try_exists().unwrap().then_some(()));
    assert!(!folder.join("checkpoint").try_exists().unwrap() && !folder.join("adapter").try_exists().unwrap());
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/lesson/cancel", body).status(), 409, "none runs");
    // The next one is not cancelled by what was said of this one.
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/train", "").status(), 202);
    at_step(&proxy, 2, 5);
}

#[test]
fn a_site_is_known_after_a_restart_without_a_new_request() {
    let teacher = teacher();
    let mut world = world(&teacher, 5_000);
    world.set("lessons.enabled", false);
    let proxy = world.start();
    play(&proxy, 0);
    proxy.kill();
    let proxy = world.start();
    assert_eq!(proxy.site("shop")["state"], "teacher");
}
