//! OpenAI's Responses, whole and as streams of named events: forwarded byte for byte, kept, learnt from, answered by the student.

use capture::{Exchange, Source};
use handover::State;
use harness::client::Answer;
use harness::kept::exchanges;
use harness::learnt::{self, SAYS};
use harness::program::{Apprentice, World};
use harness::script;
use harness::teacher::{Received, ScriptedTeacher};
use harness::wait::{eventually, within};
use serde_json::{Value, json};
use wire::Api;

use crate::PROGRAM;

const PATH: &str = "/s/shop/v1/responses";
const ASKED: &str = r#"{ "model":"gpt-5-mini","instructions":"Be brief.", "input":[{"role":"user","content":[{"type":"input_text","text":"caf\u00e9?"}]}],"odd":null }"#;

fn ask(proxy: &Apprentice, body: &str) -> Answer {
    proxy.post(PATH, &[], body)
}

fn streamed(body: &str) -> String {
    body.replacen("\"model\"", "\"stream\":true,\"model\"", 1)
}

fn route(answer: &Answer) -> (&str, &str) {
    (answer.header("x-apprentice-route"), answer.header("x-apprentice-reason"))
}

/// Says these words, as it is asked to.
fn saying(words: &'static str) -> ScriptedTeacher {
    ScriptedTeacher::start(move |request: &Received| {
        if !request.target().ends_with("/responses") {
            script::says(words)
        } else if request.json()["stream"] == true {
            script::response_streams(&words.split_inclusive(' ').collect::<Vec<_>>())
        } else {
            script::responds(words)
        }
    })
}

#[test]
fn a_response_is_forwarded_byte_for_byte_and_kept_as_it_was() {
    let teacher = saying("Grüße aus der Ferne");
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let stream = streamed(ASKED);
    let answers = [ask(&proxy, ASKED), ask(&proxy, &stream)];
    let events = script::response_events(&["Grüße ", "aus ", "der ", "Ferne"]).concat();
    assert_eq!(answers.each_ref().map(Answer::text), [script::response("Grüße aus der Ferne"), events]);
    assert_eq!(answers[1].header("content-type"), "text/event-stream");
    for answer in &answers {
        assert_eq!((answer.status(), answer.clean, route(answer)), (200, true, ("teacher", "teacher")), "{answer:?}");
        assert_eq!((answer.header("x-apprentice-site"), answer.header("x-apprentice-model")), ("shop", "gpt-5-mini"));
    }
    let received = teacher.received();
    assert!(received.iter().all(|request| request.target() == "/v1/responses"));
    let bodies: Vec<String> = received.into_iter().map(|request| String::from_utf8(request.body).unwrap()).collect();
    assert_eq!(bodies, [ASKED, &stream]);
    proxy.captured(2);
    for (direction, tokens) in [("input", 10.0), ("output", 4.0)] {
        let labels = ["call_site=\"shop\"", "route=\"teacher\"", direction];
        assert_eq!(proxy.metric("apprentice_tokens_total", &labels), tokens, "of both answers");
    }
    assert_eq!(proxy.stop().code, Some(0));
    let kept = exchanges(&world.data(), "shop");
    let facts = |kept: &Exchange| (kept.api, kept.stream, kept.complete, kept.request.clone(), kept.response.clone());
    let expected = [(ASKED, false), (&stream, true)].into_iter().zip(&answers);
    let expected: Vec<_> = expected
        .map(|((request, stream), answer)| (Api::Responses, stream, true, request.to_owned(), answer.text()))
        .collect();
    assert_eq!(kept.iter().map(facts).collect::<Vec<_>>(), expected);
    assert!(kept.iter().all(|exchange| exchange.source == Source::Teacher));
}

#[test]
fn a_response_that_is_not_to_be_stored_is_not() {
    let teacher = saying("secret answer");
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let with = |extra: &str| ASKED.replacen("\"model\"", &format!("{extra},\"model\""), 1);
    for private in [
        r#""store":false"#,
        r#""store":"false""#,
        r#""store":0"#,
        r#""store":false,"store":true"#,
        // No response as a whole, and its wish all the same.
        r#""store":false,"stream":"yes""#,
        r#""store":false,"stream":true"#,
    ] {
        assert_eq!(ask(&proxy, &with(private)).status(), 200, "{private}");
    }
    assert_eq!(proxy.post(PATH, &[("x-apprentice-capture", "off")], ASKED).status(), 200);
    // What lies below responses is the teacher's alone, whatever it is.
    for (method, below) in
        [("GET", "/resp_1"), ("DELETE", "/resp_1"), ("GET", "/resp_1/input_items"), ("POST", "/resp_1/cancel")]
    {
        let answer = harness::client::ask(proxy.proxy, method, &format!("{PATH}{below}"), &[], b"");
        assert_eq!((answer.status(), route(&answer)), (200, ("teacher", "passed-through")), "{method} {below}");
    }
    assert_eq!(teacher.received().last().unwrap().target(), "/v1/responses/resp_1/cancel");
    let open = with(r#""store":true,"metadata":{"n":"1"}"#);
    assert_eq!(ask(&proxy, &open).status(), 200);
    proxy.captured(1);
    assert_eq!(proxy.stop().code, Some(0));
    let requests: Vec<String> = exchanges(&world.data(), "shop").into_iter().map(|kept| kept.request).collect();
    assert_eq!(requests, [open]);
    assert_eq!(exchanges(&world.data(), "default"), []);
}

#[test]
fn metadata_and_stored_prompts_name_the_call_site() {
    let teacher = saying("ok");
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let whose = |body: &str| {
        let answer = proxy.post("/v1/responses", &[], body);
        (answer.header("x-apprentice-site").to_owned(), answer.header("x-apprentice-site-by").to_owned())
    };
    let named = |site: &str, by: &str| (site.to_owned(), by.to_owned());
    let metadata = r#"{"model":"m","input":"x","metadata":{"prompt_id":"quests"},"prompt":{"id":"pmpt_7"}}"#;
    assert_eq!(whose(metadata), named("quests", "metadata"));
    assert_eq!(whose(r#"{"prompt":{"id":"pmpt_7","variables":{"city":"Bree"}}}"#), named("pmpt_7", "prompt"));
    assert_eq!(whose(r#"{"model":"m","input":"x","prompt":{"id":"no name"}}"#), named("default", "default"));
}

/// Site `shop` with a student that may answer, and a teacher that agrees with it or not.
fn with_student(teacher: &ScriptedTeacher, state: State, change: impl FnOnce(&mut World)) -> World {
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    change(&mut world);
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, 0.5, state);
    world
}

#[test]
fn a_proven_student_answers_as_a_response_and_as_its_stream() {
    let teacher = saying("the teacher's own words");
    let world = with_student(&teacher, State::Student, |_| {});
    let proxy = world.start();
    let whole = ask(&proxy, ASKED);
    assert_eq!((whole.status(), route(&whole)), (200, ("student", "student")), "{whole:?}\n{}", proxy.log());
    assert_eq!((whole.header("content-type"), whole.header("x-request-id").len()), ("application/json", 36));
    let response = whole.json();
    assert_eq!(response["id"], format!("resp_{}", whole.header("x-request-id").replace('-', "")));
    assert_eq!((&response["object"], &response["status"]), (&json!("response"), &json!("completed")));
    assert_eq!((&response["model"], &response["instructions"]), (&json!("gpt-5-mini"), &json!("Be brief.")));
    assert_eq!(response["output"][0]["content"][0]["text"], SAYS);
    let usage = &response["usage"];
    let count = |key: &str| usage[key].as_u64().unwrap();
    assert!(count("input_tokens") > 5 && count("output_tokens") == 3, "{usage}");
    assert_eq!(count("total_tokens"), count("input_tokens") + 3);

    let stream = ask(&proxy, &streamed(ASKED));
    assert_eq!((stream.header("content-type"), route(&stream).0), ("text/event-stream", "student"));
    let text = stream.text();
    let events: Vec<Value> = text
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.split_once("\ndata: ").unwrap().1).unwrap())
        .collect();
    assert_eq!(
        (&events[0]["type"], &events.last().unwrap()["type"]),
        (&json!("response.created"), &json!("response.completed"))
    );
    let deltas: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(deltas, SAYS);
    assert_eq!(events.last().unwrap()["response"]["output"][0]["content"][0]["text"], SAYS);

    for extra in [
        r#""previous_response_id":"resp_1""#,
        r#""background":true"#,
        r#""text":{"format":{"type":"grammar"}}"#,
        r#""tools":[{"type":"web_search"}]"#,
    ] {
        let answer = ask(&proxy, &ASKED.replacen("\"model\"", &format!("{extra},\"model\""), 1));
        let field = extra.split('"').nth(1).unwrap();
        assert!(route(&answer).0 == "teacher" && route(&answer).1.starts_with(&format!("field-{field}")), "{answer:?}");
    }
    assert_eq!(teacher.asked(), 4, "nobody else was the teacher's");
    proxy.captured(6);
    assert_eq!(proxy.stop().code, Some(0));
    let kept = exchanges(&world.data(), "shop");
    let by_student = kept.iter().filter(|exchange| matches!(exchange.source, Source::Student(_)));
    assert_eq!(by_student.map(|exchange| exchange.response.clone()).collect::<Vec<_>>(), [whole.text(), text]);
}

#[test]
fn a_students_response_can_be_continued_though_the_teacher_has_never_seen_it() {
    let teacher = saying("the teacher's own words");
    let world = with_student(&teacher, State::Student, |_| {});
    let proxy = world.start();
    let continuing =
        |id: &str, extra: &str| format!(r#"{{"model":"m", "input":"And then?","previous_response_id":"{id}"{extra}}}"#);
    let first = ask(&proxy, ASKED).json()["id"].as_str().unwrap().to_owned();
    // The teacher's alone, because of its format.
    let extra = r#","text":{"format":{"type":"grammar"}}"#;
    let answer = ask(&proxy, &continuing(&first, extra));
    assert_eq!(route(&answer), ("teacher", "field-text.format"));
    let told = String::from_utf8(teacher.only().body).unwrap();
    let said = r#"{"role":"user","content":[{"type":"input_text","text":"caf\u00e9?"}]},{"role":"assistant","content":"in you"}"#;
    let expected = format!(
        r#"{{"model":"m", "input":[{said},{{"role":"user","content":"And then?"}}],"previous_response_id":null{extra}}}"#
    );
    assert_eq!(told, expected);
    // The student can go on, too, and so can the next one after it.
    let second = ask(&proxy, &continuing(&first, ""));
    assert_eq!((route(&second).0, &second.json()["output"][0]["content"][0]["text"]), ("student", &json!(SAYS)));
    assert_eq!(ask(&proxy, &continuing(second.json()["id"].as_str().unwrap(), extra)).status(), 200);
    let told = teacher.received()[1].json();
    let roles: Vec<&str> =
        told["input"].as_array().unwrap().iter().map(|item| item["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    // What was not to be stored is not there, and what is the teacher's stays as it is.
    let unstored = ask(&proxy, &ASKED.replacen("\"model\"", "\"store\":false,\"model\"", 1));
    assert_eq!(route(&unstored).0, "student");
    for id in [unstored.json()["id"].as_str().unwrap(), "resp_scripted"] {
        let body = continuing(id, "");
        assert_eq!(route(&ask(&proxy, &body)), ("teacher", "field-previous_response_id"));
        assert_eq!(teacher.received().last().unwrap().body, body.as_bytes());
    }
}

/// Different prompts, each evidence once; every other one is asked for as a stream.
fn numbered(number: usize) -> String {
    let asked = ASKED.replace("caf\\u00e9?", &format!("Where is {}the sea?", "the ".repeat(number)));
    if number.is_multiple_of(2) { streamed(&asked) } else { asked }
}

#[test]
fn audits_of_responses_bring_a_student_that_agrees_to_its_site() {
    let teacher = saying(SAYS);
    let world = with_student(&teacher, State::Shadow, |world| {
        world.set("handover.audit_share_shadow", 1.0).set("handover.audit_share_serving", 1.0);
    });
    // What is audited is not what the evidence so far was gathered under, so the trial begins anew.
    let proxy = world.start();
    let (mut states, mut number) = (Vec::new(), 0);
    eventually("the hand-over", || {
        number += 1;
        let answer = ask(&proxy, &numbered(number));
        assert_eq!(answer.status(), 200, "{answer:?}");
        let state = proxy.site("shop")["state"].as_str().unwrap().to_owned();
        if states.last() != Some(&state) {
            states.push(state);
        }
        (states.last().unwrap() == "student").then_some(())
    });
    assert_eq!(states, ["shadow", "canary", "student"]);
    assert_eq!(route(&ask(&proxy, &numbered(3))).0, "student");
    assert_eq!(proxy.metric("apprentice_audits_lost_total", &["call_site=\"shop\"", "not_plain"]), 0.0);
}

#[test]
fn responses_make_a_lesson_that_ends_with_a_version_on_trial() {
    let teacher = saying("Yes, it is.");
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_lessons(&mut world, 30, 20);
    let proxy = world.start();
    for number in 0..30 {
        let asked = ASKED.replace("caf\\u00e9?", &format!("Is {number} much?"));
        assert_eq!(ask(&proxy, &if number % 2 == 0 { streamed(&asked) } else { asked }).status(), 200);
    }
    let site = within(learnt::LESSON, "a version on trial", || {
        let site = proxy.site("shop");
        assert!(site["lesson"]["problem"].is_null(), "{site}\n{}", proxy.log());
        (site["state"] == "shadow").then_some(site)
    });
    let facts = world.registry().join("shop").join(site["version"].as_str().unwrap()).join("apprentice.json");
    let facts: Value = serde_json::from_slice(&std::fs::read(facts).unwrap()).unwrap();
    let lineage = &facts["facts"]["lineage"];
    assert_eq!(lineage["train"].as_u64().unwrap() + lineage["held_out"].as_u64().unwrap(), 30, "{lineage}");
    assert_eq!(lineage["teacher"], "scripted-1");
}
