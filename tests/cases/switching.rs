//! The student answers where it may, the teacher wherever it must, and a rollback wins at once.

use std::fs;

use callsite::VersionId;
use handover::State;
use harness::client::Answer;
use harness::learnt::{self, CONFIDENCE, SAYS};
use harness::program::World;
use harness::script;
use harness::teacher::ScriptedTeacher;
use harness::wait::eventually;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"Where is the sea?"}]}"#;
const TEACHER_SAYS: &str = "the teacher's own words";

struct Learnt {
    teacher: ScriptedTeacher,
    world: World,
    version: VersionId,
}

/// Site `shop` with a student that may answer from a confidence of `tau` on, and a teacher that agrees with it or not.
fn learnt(tau: f64, says: &'static str) -> Learnt {
    learnt_with(tau, says, |_| {})
}

/// The same with a configuration that `change` makes: evidence holds for the configuration that it was gathered under.
fn learnt_with(tau: f64, says: &'static str, change: impl FnOnce(&mut World)) -> Learnt {
    let teacher = ScriptedTeacher::start(move |_| script::says(says));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    change(&mut world);
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, tau, State::Student);
    Learnt { teacher, world, version }
}

fn route(answer: &Answer) -> (&str, &str) {
    (answer.header("x-apprentice-route"), answer.header("x-apprentice-reason"))
}

fn is_the_teachers(answer: &Answer, reason: &str) {
    assert_eq!((answer.status(), route(answer)), (200, ("teacher", reason)), "{answer:?}");
    assert_eq!(answer.text(), script::completion(TEACHER_SAYS));
    assert_eq!(answer.head.find("x-apprentice-confidence"), None, "a teacher's answer has no confidence");
}

#[test]
fn a_proven_student_answers_in_openais_shape() {
    let Learnt { teacher, world, version } = learnt(0.5, TEACHER_SAYS);
    let proxy = world.start();
    let answer = proxy.chat("shop", ASKED);
    assert_eq!((answer.status(), route(&answer)), (200, ("student", "student")), "{answer:?}\n{}", proxy.log());
    assert_eq!(answer.header("x-apprentice-model"), format!("shop@{version}"));
    let confidence: f64 = answer.header("x-apprentice-confidence").parse().unwrap();
    assert!((confidence - CONFIDENCE).abs() < 1e-3, "{confidence}");
    assert_eq!(answer.header("x-request-id"), answer.header("x-apprentice-request-id"));

    let body = answer.json();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&body), ["id", "object", "created", "model", "choices", "usage"]);
    assert_eq!((body["object"].as_str(), body["model"].as_str()), (Some("chat.completion"), Some("gpt-5-mini")));
    let choice = &body["choices"][0];
    assert_eq!(keys(choice), ["index", "message", "logprobs", "finish_reason"]);
    assert_eq!(choice["message"], serde_json::json!({"role": "assistant", "content": SAYS, "refusal": null}));
    assert_eq!(choice["finish_reason"], "stop");
    let usage = &body["usage"];
    let count = |key: &str| usage[key].as_u64().unwrap();
    assert!(count("prompt_tokens") > 5 && count("completion_tokens") == 3, "{usage}");
    assert_eq!(count("total_tokens"), count("prompt_tokens") + count("completion_tokens"));

    assert_eq!(teacher.received().len(), 0, "the teacher is not paid for it");
    assert_eq!(proxy.metric("apprentice_student_info", &["format=\"f32\""]), 1.0);
    assert_eq!(
        proxy.metric("apprentice_student_prompt_tokens_total", &["source=\"read\""]),
        count("prompt_tokens") as f64
    );
    assert_eq!(proxy.metric("apprentice_student_prompt_tokens_total", &["source=\"cache\""]), 0.0);
    // Nothing is read after the last token, which ends the answer.
    assert_eq!(proxy.metric("apprentice_student_answer_tokens_total", &[]), 2.0);
    assert_eq!(proxy.metric("apprentice_student_shortlist_tokens_total", &["result=\"outside\""]), 0.0);
    assert_eq!(proxy.metric("apprentice_student_draft_tokens_total", &["result=\"accepted\""]), 0.0);
    assert_eq!(proxy.metric("apprentice_student_rows", &[]) + proxy.metric("apprentice_student_waiting", &[]), 0.0);
    assert_eq!(proxy.metric("apprentice_build_info", &[]), 1.0);
    assert_eq!(proxy.admin("GET", "/admin/student", "").json()["format"], "f32");
    proxy.captured(1);
    assert_eq!(proxy.stop().code, Some(0));
    let kept = harness::kept::exchanges(&world.data(), "shop");
    assert_eq!(kept.iter().map(|exchange| &exchange.source).collect::<Vec<_>>(), [&capture::Source::Student(version)]);
}

#[test]
fn a_student_keeps_to_the_form_that_the_request_asks_for() {
    let Learnt { teacher, world, .. } = learnt(0.0, TEACHER_SAYS);
    let proxy = world.start();
    let with = |schema: &str| {
        let format =
            format!(r#"{{"type":"json_schema","json_schema":{{"name":"offer","strict":true,"schema":{schema}}}}}"#);
        proxy.chat("shop", &ASKED.replacen('{', &format!(r#"{{"response_format":{format},"#), 1))
    };
    let answer = with(r#"{"enum":["two ropes","oil"]}"#);
    assert_eq!(route(&answer), ("student", "student"), "{answer:?}\n{}", proxy.log());
    let body = answer.json();
    let said = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(["\"two ropes\"", "\"oil\""].contains(&said), "{said}");
    assert_eq!(teacher.received().len(), 0);
    // What no grammar can say is the teacher's.
    let answer = with(r#"{"type":"nonsense"}"#);
    assert_eq!(route(&answer), ("teacher", "schema-not-supported"));
    assert_eq!(route(&proxy.chat("shop", ASKED)).0, "student");
}

#[test]
fn a_proven_student_streams_as_openai_does() {
    let Learnt { teacher: _teacher, world, .. } = learnt(0.5, TEACHER_SAYS);
    let proxy = world.start();
    for usage in [false, true] {
        let options =
            if usage { r#"{"stream":true,"stream_options":{"include_usage":true},"# } else { r#"{"stream":true,"# };
        let answer = proxy.chat("shop", &ASKED.replacen('{', options, 1));
        assert_eq!((answer.header("content-type"), route(&answer).0), ("text/event-stream", "student"), "{answer:?}");
        let text = answer.text();
        let events: Vec<&str> =
            text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect();
        let (done, chunks) = events.split_last().unwrap();
        assert_eq!(*done, "[DONE]");
        let chunks: Vec<serde_json::Value> = chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
        for key in ["id", "created", "model", "object"] {
            assert!(chunks.iter().all(|chunk| chunk[key] == chunks[0][key] && !chunk[key].is_null()), "{key}: {text}");
        }
        assert_eq!(chunks[0]["object"], "chat.completion.chunk");
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(said, SAYS);
        let last = chunks.last().unwrap();
        if usage {
            assert_eq!(
                (last["choices"].as_array().unwrap().len(), last["usage"]["completion_tokens"].as_u64()),
                (0, Some(3))
            );
            assert!(
                chunks[..chunks.len() - 1].iter().all(|chunk| chunk.get("usage") == Some(&serde_json::Value::Null))
            );
        } else {
            assert_eq!(last["choices"][0]["finish_reason"], "stop");
            assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
        }
    }
}

#[test]
fn an_answer_that_fails_its_verifier_is_asked_of_the_teacher_in_the_same_request() {
    let checks: [(&str, toml::Value, &str); 4] = [
        ("verifiers.must_match", vec!["never said".to_owned()].into(), "missing-phrase"),
        ("verifiers.must_not_match", vec![SAYS.to_owned()].into(), "forbidden-phrase"),
        ("verifiers.words_max", 1.into(), "too-long"),
        ("verifiers.json", true.into(), "not-json"),
    ];
    for (key, value, reason) in checks {
        let Learnt { teacher, world, .. } = learnt_with(0.5, TEACHER_SAYS, |world| {
            world.set(key, value);
        });
        let proxy = world.start();
        is_the_teachers(&proxy.chat("shop", ASKED), reason);
        assert_eq!(String::from_utf8(teacher.only().body).unwrap(), ASKED);
        assert_eq!(proxy.metric("apprentice_escalations_total", &["call_site=\"shop\"", reason]), 1.0);
    }
}

#[test]
fn an_answer_less_sure_than_the_threshold_is_the_teachers() {
    let Learnt { teacher: _teacher, world, .. } = learnt(0.95, TEACHER_SAYS);
    is_the_teachers(&world.start().chat("shop", ASKED), "unsure");
}

#[test]
fn what_a_student_cannot_honour_is_the_teachers_and_says_why() {
    let Learnt { teacher, world, .. } = learnt(0.5, TEACHER_SAYS);
    let proxy = world.start();
    let extras = [
        r#""tools":[{"type":"web_search"}]"#,
        r#""n":9"#,
        r#""temperature":2.5"#,
        r#""response_format":{"type":"grammar"}"#,
        r#""never_heard_of":1"#,
    ];
    for extra in extras {
        let answer = proxy.chat("shop", &ASKED.replacen('{', &format!("{{{extra},"), 1));
        let (route, reason) = route(&answer);
        let field = extra.split('"').nth(1).unwrap();
        assert!(route == "teacher" && reason.contains(field), "{field}: {route}, {reason}");
    }
    assert_eq!(teacher.asked(), extras.len());
    // Longer than the student can read.
    let long = ASKED.replace("sea", &"sea ".repeat(400));
    assert_eq!(route(&proxy.chat("shop", &long)).0, "teacher");
    assert_eq!(route(&proxy.chat("shop", ASKED)).0, "student", "the others are still its own");
}

#[test]
fn other_sites_are_untouched_by_one_sites_student() {
    let Learnt { teacher: _teacher, world, .. } = learnt(0.5, TEACHER_SAYS);
    let proxy = world.start();
    is_the_teachers(&proxy.chat("inn", ASKED), "teacher");
    assert_eq!(route(&proxy.post("/v1/chat/completions", &[], ASKED)), ("teacher", "default-site"));
}

#[test]
fn a_rollback_holds_from_the_next_request_on_and_through_a_kill() {
    let Learnt { teacher: _teacher, world, version } = learnt(0.5, TEACHER_SAYS);
    let proxy = world.start();
    assert_eq!(route(&proxy.chat("shop", ASKED)).0, "student");
    let rolled = proxy.admin("POST", "/admin/call-sites/shop/rollback", r#"{"reason":"players complained"}"#);
    assert_eq!(rolled.status(), 200, "{}", rolled.text());
    is_the_teachers(&proxy.chat("shop", ASKED), "held");
    proxy.kill();

    let proxy = world.start();
    is_the_teachers(&proxy.chat("shop", ASKED), "held");
    assert_eq!(proxy.site("shop")["last_switch"]["reason"], "players complained");
    let to = format!(r#"{{"to":"{version}"}}"#);
    let again = proxy.admin("POST", "/admin/call-sites/shop/rollback", &to);
    assert_eq!(again.status(), 409, "a version that was rolled back is discarded: {}", again.text());
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/promote", "").status(), 200);
    is_the_teachers(&proxy.chat("shop", ASKED), "teacher");
}

#[test]
fn a_flipped_bit_in_the_hand_over_log_means_teacher_and_is_said() {
    let Learnt { teacher: _teacher, world, .. } = learnt(0.5, TEACHER_SAYS);
    let ledger = world.data().join("ledger");
    let log = harness::kept::files(&ledger)
        .into_iter()
        .find(|(path, bytes)| path.extension().is_some_and(|extension| extension == "jsonl") && bytes.len() > 1000);
    let (path, mut bytes) = log.unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    let proxy = world.start();
    is_the_teachers(&proxy.chat("shop", ASKED), "teacher");
    assert_eq!(proxy.metric("apprentice_handover_log_damaged_total", &[]), 1.0);
    proxy.logs("the hand-over log is damaged");
}

#[test]
fn a_changed_comparison_voids_the_evidence_of_a_serving_site() {
    let Learnt { teacher: _teacher, mut world, version } = learnt(0.5, TEACHER_SAYS);
    world.set("site.comparison", "exact");
    let proxy = world.start();
    is_the_teachers(&proxy.chat("shop", ASKED), "shadow");
    let site = proxy.site("shop");
    assert_eq!((site["audits"].as_u64(), site["version"].as_str()), (Some(0), Some(version.as_str())), "{site}");
    let switch = &site["last_switch"];
    assert_eq!(switch["cause"], "basis_changed");
    assert!(switch["reason"].as_str().unwrap().contains("comparison"), "{switch}");
}

#[test]
fn a_changed_policy_begins_a_new_trial_beside_the_serving_version() {
    let Learnt { teacher: _teacher, mut world, version } = learnt(0.5, TEACHER_SAYS);
    world.set("handover.quality_min", 0.95);
    let proxy = world.start();
    assert_eq!(route(&proxy.chat("shop", ASKED)).0, "student", "it goes on under the policy it was proven with");
    let site = proxy.site("shop");
    assert_eq!((site["quality_min"].as_f64(), site["challenger"]["audits"].as_u64()), (Some(0.9), Some(0)), "{site}");
    assert_eq!(site["challenger"]["version"].as_str(), Some(version.as_str()));
    assert_eq!(site["challenger"]["policy"]["quality_min"].as_f64(), Some(0.95));
}

#[test]
fn a_prompt_too_long_for_the_student_is_the_teachers_and_no_failure() {
    let Learnt { teacher: _teacher, world, .. } = learnt(0.5, TEACHER_SAYS);
    let proxy = world.start();
    assert_eq!(route(&proxy.chat("shop", ASKED)).0, "student");
    let long = ASKED.replace("Where is the sea?", &"Where is the sea? ".repeat(200));
    for _ in 0..30 {
        is_the_teachers(&proxy.chat("shop", &long), "prompt-too-long");
    }
    assert_eq!(proxy.site("shop")["state"], "student");
    assert_eq!(route(&proxy.chat("shop", ASKED)).0, "student");
}

#[test]
fn a_hold_pauses_a_site_and_its_proven_version_can_be_had_back() {
    let Learnt { teacher: _teacher, world, version } = learnt(0.5, TEACHER_SAYS);
    let proxy = world.start();
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/hold", r#"{"reason":"a look"}"#).status(), 200);
    is_the_teachers(&proxy.chat("shop", ASKED), "held");
    let train = proxy.admin("POST", "/admin/call-sites/shop/train", "");
    assert_eq!(train.status(), 409, "{}", train.text());
    let to = format!(r#"{{"to":"{version}"}}"#);
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/rollback", &to).status(), 200, "to a version proven here");
    assert_eq!(route(&proxy.chat("shop", ASKED)).0, "student");
    proxy.kill();
    assert_eq!(route(&world.start().chat("shop", ASKED)).0, "student");
}

#[test]
fn no_wish_moves_traffic_without_evidence() {
    let teacher = ScriptedTeacher::start(|_| script::says(TEACHER_SAYS));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, 0.5, State::Shadow);
    let proxy = world.start();
    assert_eq!(route(&proxy.chat("shop", ASKED)), ("teacher", "shadow"));
    let promote = proxy.admin("POST", "/admin/call-sites/shop/promote", r#"{"reason":"I like it"}"#);
    assert_eq!(promote.status(), 409, "{}", promote.text());
    assert!(promote.text().contains("lower bound"), "it should say what is missing: {}", promote.text());
    let to = format!(r#"{{"to":"{version}"}}"#);
    let rollback = proxy.admin("POST", "/admin/call-sites/shop/rollback", &to);
    assert_eq!(rollback.status(), 409, "a rollback is no way around it: {}", rollback.text());
    assert_eq!(proxy.admin("POST", "/admin/call-sites/nobody/promote", "").status(), 404);
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/promote", r#"{"too":1}"#).status(), 400);
    assert_eq!(proxy.site("shop")["state"], "shadow");
    assert_eq!(route(&proxy.chat("shop", ASKED)).0, "teacher");
}

/// A prompt of its own for every number: each is evidence once.
fn asked(number: usize) -> String {
    ASKED.replace("the sea", &format!("{}sea", "the ".repeat(number)))
}

#[test]
fn audits_of_real_traffic_bring_a_student_that_agrees_to_its_site() {
    let teacher = ScriptedTeacher::start(|_| script::says(SAYS));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, 0.5, State::Shadow);
    world.set("handover.audit_share_shadow", 1.0).set("handover.audit_share_serving", 1.0);
    let proxy = world.start();
    let mut states = Vec::new();
    let mut number = 0;
    eventually("the hand-over", || {
        number += 1;
        let answer = proxy.chat("shop", &asked(number));
        let state = proxy.site("shop")["state"].as_str().unwrap().to_owned();
        assert!(state != "shadow" || route(&answer).0 == "teacher", "nothing moves in shadow");
        if states.last() != Some(&state) {
            states.push(state);
        }
        (states.last().unwrap() == "student").then_some(())
    });
    assert_eq!(states, ["shadow", "canary", "student"]);
    assert_eq!(route(&proxy.chat("shop", ASKED)).0, "student");
}

#[test]
fn a_teacher_that_changes_takes_its_site_back_within_three_hundred_requests() {
    let Learnt { teacher, mut world, .. } = learnt(0.5, SAYS);
    world.set("handover.audit_share_serving", 0.10);
    let proxy = world.start();
    for _ in 0..50 {
        assert_eq!(route(&proxy.chat("shop", ASKED)).0, "student", "as long as they agree");
    }
    teacher.change(|_| script::says(TEACHER_SAYS));
    let back = (1..=300).find(|number| route(&proxy.chat("shop", &asked(number % 97 + 1))).0 == "teacher");
    assert!(back.is_some(), "{:?}", proxy.site("shop"));
    let site = proxy.site("shop");
    assert_eq!((site["state"].as_str(), site["last_switch"]["cause"].as_str()), (Some("teacher"), Some("drift")));
    is_the_teachers(&proxy.chat("shop", ASKED), "teacher");
    assert_eq!(proxy.metric("apprentice_rollbacks_total", &["cause=\"drift\""]), 1.0);
}

#[test]
fn a_student_whose_files_are_damaged_gives_way_to_the_teacher() {
    let Learnt { teacher: _teacher, world, version } = learnt(0.5, TEACHER_SAYS);
    let path = world.registry().join("shop").join(version.as_str()).join("adapter_model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let proxy = world.start();
    is_the_teachers(&proxy.chat("shop", ASKED), "student-failed");
    proxy.logs("adapter_model.safetensors");
    // A student that never answers is sent away for good.
    for _ in 0..25 {
        assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    }
    let site = eventually("the switch", || Some(proxy.site("shop")).filter(|site| site["state"] != "student"));
    assert_eq!((site["state"].as_str(), site["last_switch"]["cause"].as_str()), (Some("teacher"), Some("failures")));
}

#[test]
fn a_crowd_is_answered_by_the_student_or_when_it_is_busy_by_the_teacher() {
    let Learnt { teacher: _teacher, world, .. } = learnt(0.5, TEACHER_SAYS);
    let proxy = world.start();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let answer = proxy.chat("shop", ASKED);
                match route(&answer) {
                    ("student", "student") => assert_eq!(answer.json()["choices"][0]["message"]["content"], SAYS),
                    _ => is_the_teachers(&answer, "student-busy"),
                }
            });
        }
    });
    assert!(
        proxy.metric("apprentice_requests_total", &["route=\"student\"", "code=\"200\""]) > 0.0,
        "not one was local"
    );
    assert_eq!(proxy.site("shop")["state"], "student", "being busy is no failure");
}
