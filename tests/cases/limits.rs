//! What the proxy refuses itself, and how: every error in OpenAI's shape, and traffic goes on afterwards.

use harness::client::{self, Answer, Connection};
use harness::program::{Apprentice, World};
use harness::script;
use harness::teacher::ScriptedTeacher;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

/// An error as OpenAI's clients read it: all four keys, and no invitation to repeat what cannot work.
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status(), status, "{}", answer.text());
    let body = answer.json();
    let error = body["error"].as_object().unwrap();
    assert_eq!(error.keys().map(String::as_str).collect::<Vec<_>>(), ["message", "type", "param", "code"]);
    assert_eq!((error["code"].as_str(), error["type"].as_str()), (Some(code), Some("invalid_request_error")));
    assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
    assert_eq!((answer.header("content-type"), answer.header("x-should-retry")), ("application/json", "false"));
}

fn goes_on(proxy: &Apprentice) {
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
}

/// A chat request of exactly `bytes` bytes.
fn chat_of(bytes: usize) -> Vec<u8> {
    let empty = ASKED.replace("Hello", "");
    ASKED.replace("Hello", &"x".repeat(bytes - empty.len())).into_bytes()
}

#[test]
fn a_larger_chat_request_streams_through_unread() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.set("proxy.body_mb", 1).start();
    for (bytes, reason) in [(1 << 20, "teacher"), ((1 << 20) + 1, "body-too-large"), (40 << 20, "body-too-large")] {
        let answer = client::ask(proxy.proxy, "POST", "/s/shop/v1/chat/completions", &[], &chat_of(bytes));
        assert_eq!((answer.status(), answer.header("x-apprentice-reason")), (200, reason), "{bytes}");
        assert_eq!(teacher.received().last().unwrap().body.len(), bytes);
    }
    goes_on(&proxy);
    assert_eq!(proxy.stop().code, Some(0));
    // What is larger than the log takes is not kept either, whoever read it.
    assert_eq!(harness::kept::exchanges(&world.data(), "shop").len(), 1);
}

#[test]
fn a_body_that_does_not_say_its_length_streams_through_from_the_same_size_on() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let mut connection = Connection::open(proxy.proxy);
    connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    let piece = [b"100000\r\n".to_vec(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
    for _ in 0..20 {
        connection.send_while_taken(&piece);
    }
    connection.send(b"0\r\n\r\n");
    assert_eq!((connection.answer().status(), teacher.only().body.len()), (200, 20 << 20));
    goes_on(&proxy);
}

#[test]
fn a_client_that_breaks_off_its_body_is_not_the_teachers_fault() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    for target in ["/v1/chat/completions", "/v1/files"] {
        let mut connection = Connection::open(proxy.proxy);
        connection.send(
            format!("POST {target} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\nnonsense\r\n")
                .as_bytes(),
        );
        refused(&connection.answer(), 400, "body_unreadable");
    }
    goes_on(&proxy);
}

#[test]
fn a_body_that_is_no_json_object_is_the_teachers_to_judge() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let bodies = ["", "{", "[]", "\"text\"", "{\"model\":\"m\",}", "{\"model\":\"m\"} trailing", "\u{0}"];
    for body in bodies {
        let answer = proxy.chat("shop", body);
        assert_eq!((answer.status(), answer.header("x-apprentice-reason")), (200, "not-understood"), "{body}");
        assert_eq!(teacher.received().last().unwrap().body, body.as_bytes());
    }
    assert_eq!(proxy.stop().code, Some(0));
    assert!(harness::kept::exchanges(&world.data(), "shop").is_empty(), "who knows what it asked");
}

#[test]
fn a_request_that_is_wrong_in_other_ways_is_the_teachers_to_judge() {
    let teacher = ScriptedTeacher::start(|_| script::whole("400 Bad Request", &[], br#"{"error":{"message":"mine"}}"#));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    for body in ["{}", r#"{"model":7,"messages":"no"}"#, r#"{"model":"m","messages":[7],"stream":"yes"}"#] {
        let answer = proxy.chat("shop", body);
        assert_eq!((answer.status(), answer.text().as_str()), (400, r#"{"error":{"message":"mine"}}"#));
    }
    assert_eq!(teacher.asked(), 3);
}

#[test]
fn a_name_that_cannot_be_a_call_sites_is_refused_wherever_it_stands() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let long = "a".repeat(65);
    for name in ["-begins-badly", "with%20space", "...", "semi;colon", "", &long] {
        refused(&proxy.chat(name, ASKED), 400, "bad_site");
        refused(&proxy.post("/v1/chat/completions", &[("x-apprentice-site", name)], ASKED), 400, "bad_site");
        let body = ASKED.replace("{\"model\"", &format!("{{\"metadata\":{{\"apprentice_site\":\"{name}\"}},\"model\""));
        refused(&proxy.post("/v1/chat/completions", &[], &body), 400, "bad_site");
    }
    assert_eq!(teacher.received().len(), 0, "a guess would teach the wrong site");
    goes_on(&proxy);
}

#[test]
fn a_path_outside_the_api_is_unknown() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    for target in
        ["/", "/v2/chat/completions", "/chat/completions", "/metrics", "/admin/call-sites", "/s/shop/metrics", "/v1"]
    {
        let answer = client::ask(proxy.proxy, "POST", target, &[], ASKED.as_bytes());
        refused(&answer, 404, "unknown_path");
        assert!(answer.text().contains("/s/SITE/v1/"), "it should say what is served: {}", answer.text());
    }
    assert_eq!(teacher.received().len(), 0);
}

#[test]
fn more_header_lines_than_anyone_needs_are_refused() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let names: Vec<String> = (0..500).map(|number| format!("x-{number}")).collect();
    let headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(proxy.post("/v1/chat/completions", &headers, ASKED).status(), 431);
    goes_on(&proxy);
}

#[test]
fn call_sites_past_the_limit_are_forwarded_like_the_default_one() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    for number in 0..1_000 {
        assert_eq!(proxy.chat(&format!("site-{number}"), ASKED).header("x-apprentice-reason"), "teacher");
    }
    let answer = proxy.chat("site-1000", ASKED);
    let headers = (answer.header("x-apprentice-site"), answer.header("x-apprentice-reason"));
    assert_eq!((answer.status(), headers), (200, ("default", "too-many-sites")));
    assert_eq!(proxy.chat("site-7", ASKED).header("x-apprentice-site"), "site-7", "those it knows keep their own");
}
