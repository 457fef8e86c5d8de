//! What the proxy refuses itself, and how: every error in OpenAI's shape, and traffic goes on afterwards.

use harness::client::{self, Answer, Connection};
use harness::program::{Apprentice, World};
use harness::script;
use harness::teacher::ScriptedTeacher;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
const BODY_BYTES_MAX: usize = 8 << 20;

/// An error as OpenAI's clients read it: all four keys, and no invitation to repeat what cannot work.
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status(), status, "{}", answer.text());
    let body = answer.json();
    let error = body["error"].as_object().unwrap();
    assert_eq!(error.keys().map(String::as_str).collect::<Vec<_>>(), ["code", "message", "param", "type"]);
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
fn a_chat_request_may_have_eight_mebibytes_and_no_more() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let answer = client::ask(proxy.proxy, "POST", "/v1/chat/completions", &[], &chat_of(BODY_BYTES_MAX));
    assert_eq!(answer.status(), 200);
    assert_eq!(teacher.only().body.len(), BODY_BYTES_MAX);
    for bytes in [BODY_BYTES_MAX + 1, 3 * BODY_BYTES_MAX] {
        let mut connection = Connection::open(proxy.proxy);
        connection.send_while_taken(&client::request("POST", "/v1/chat/completions", &[], &chat_of(bytes)));
        refused(&connection.answer(), 413, "body_too_large");
    }
    goes_on(&proxy);
    assert_eq!(teacher.asked(), 2, "what is refused is not sent on");
}

#[test]
fn a_body_that_does_not_say_its_length_is_cut_off_at_the_same_limit() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let mut connection = Connection::open(proxy.proxy);
    connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    let piece = [b"100000\r\n".to_vec(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
    for _ in 0..9 {
        connection.send_while_taken(&piece);
    }
    refused(&connection.answer(), 413, "body_too_large");
    goes_on(&proxy);
}

#[test]
fn a_body_that_is_no_json_object_is_refused() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    for body in ["", "{", "[]", "\"text\"", "{\"model\":\"m\",}", "{\"model\":\"m\"} trailing", "\u{0}"] {
        refused(&proxy.post("/v1/chat/completions", &[], body), 400, "invalid_json");
    }
    assert_eq!(teacher.received().len(), 0);
    goes_on(&proxy);
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
    for name in ["-begins-badly", "with%20space", "..", "semi;colon", "", &long] {
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
