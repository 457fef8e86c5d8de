//! Between client and teacher nothing is changed but what a proxy must change; that the rest is not is in `fidelity`.

use std::collections::BTreeSet;

use harness::client::{self, Connection};
use harness::program::{World, places_of};
use harness::script::{self, Gate, Step};
use harness::teacher::ScriptedTeacher;
use harness::tls::Identity;
use harness::wait::eventually;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

#[test]
fn what_is_between_client_and_proxy_alone_is_not_passed_on() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let headers =
        [("x-apprentice-site", "shop"), ("connection", "x-hop, keep-alive"), ("x-hop", "1"), ("te", "trailers")];
    let answer = proxy.post("/v1/chat/completions?api-version=1&x=%20y", &headers, ASKED);
    assert_eq!(answer.status(), 200);

    let received = teacher.only();
    assert_eq!(received.target(), "/v1/chat/completions?api-version=1&x=%20y");
    for name in ["x-apprentice-site", "x-hop", "te", "connection"] {
        assert_eq!(received.header(name), None, "`{name}` is not the teacher's business");
    }
    assert_eq!(
        received.header("host"),
        teacher.base_url().strip_prefix("http://").and_then(|url| url.strip_suffix("/v1"))
    );
}

#[test]
fn a_base_url_with_a_path_of_its_own_is_kept() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    world.set("teacher.base_url", teacher.base_url().replace("/v1", "/api/openai/v4/"));
    assert_eq!(world.start().chat("shop", ASKED).status(), 200);
    assert_eq!(teacher.only().target(), "/api/openai/v4/chat/completions");
}

#[test]
fn what_is_passed_through_loses_its_site_and_says_that_it_was() {
    let teacher = ScriptedTeacher::start(|_| script::json("{}"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    for (method, target, seen) in [
        ("GET", "/v1/models?limit=2", "GET /v1/models?limit=2 HTTP/1.1"),
        ("POST", "/s/shop/v1/embeddings", "POST /v1/embeddings HTTP/1.1"),
        ("GET", "/v1/chat/completions", "GET /v1/chat/completions HTTP/1.1"),
    ] {
        let answer = client::ask(proxy.proxy, method, target, &[], b"");
        assert_eq!(teacher.received().pop().unwrap().head.split("\r\n").next(), Some(seen));
        assert_eq!(
            (answer.header("x-apprentice-route"), answer.header("x-apprentice-reason")),
            ("teacher", "passed-through")
        );
    }
}

#[test]
fn a_large_binary_upload_is_streamed_and_not_gathered() {
    let teacher = ScriptedTeacher::start(|_| script::json("{}"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    // More than a chat request may have.
    let file: Vec<u8> = (0..12_u32 << 20).map(|at| (at % 251) as u8).collect();
    let (first, second) = file.split_at(1 << 20);
    let mut connection = Connection::open(proxy.proxy);
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
        file.len()
    );
    connection.send(head.as_bytes());
    connection.send(first);
    teacher.eventually(0, "the first part while the second has not been sent", |received| {
        received.body.len() == first.len()
    });
    connection.send(second);
    assert_eq!(connection.answer().status(), 200);
    assert!(teacher.only().body == file, "the upload arrived changed");
}

#[test]
fn every_answer_says_whose_it_is_and_how_the_site_was_recognised() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let with_metadata = |metadata: &str| ASKED.replace("{\"model\"", &format!("{{\"metadata\":{metadata},\"model\""));
    let plain = "/v1/chat/completions";
    let named = [
        ("/s/by-path/v1/chat/completions", vec![("x-apprentice-site", "other")], ASKED.to_owned(), "by-path", "path"),
        (
            plain,
            vec![("x-apprentice-site", "by-header")],
            with_metadata(r#"{"apprentice_site":"other"}"#),
            "by-header",
            "header",
        ),
        (
            plain,
            vec![],
            with_metadata(r#"{"apprentice_site":"by-metadata","prompt_id":"other"}"#),
            "by-metadata",
            "metadata",
        ),
        (plain, vec![], with_metadata(r#"{"prompt_id":"by-prompt"}"#), "by-prompt", "metadata"),
        (plain, vec![], with_metadata(r#"{"prompt_id":"no site name"}"#), "default", "default"),
        (plain, vec![], ASKED.to_owned(), "default", "default"),
    ];
    let mut ids = BTreeSet::new();
    for (target, headers, body, site, by) in named {
        let answer = proxy.post(target, &headers, &body);
        assert_eq!((answer.header("x-apprentice-site"), answer.header("x-apprentice-site-by")), (site, by), "{body}");
        assert_eq!((answer.header("x-apprentice-route"), answer.header("x-apprentice-model")), ("teacher", "m"));
        let reason = if site == "default" { "default-site" } else { "teacher" };
        assert_eq!(answer.header("x-apprentice-reason"), reason);
        assert!(ids.insert(answer.header("x-apprentice-request-id").to_owned()), "request ids must differ");
    }
}

#[test]
fn the_clients_key_is_passed_on_unless_the_proxy_has_its_own() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let theirs = [("authorization", "Bearer sk-client")];
    drop(world.start().post("/v1/chat/completions", &theirs, ASKED));
    let proxy = world.env("TEST_TEACHER_KEY", "sk-proxy").start();
    drop(proxy.post("/v1/chat/completions", &theirs, ASKED));
    drop(client::ask(proxy.proxy, "GET", "/v1/models", &theirs, b""));
    let keys: Vec<Option<String>> =
        teacher.received().iter().map(|received| received.header("authorization").map(str::to_owned)).collect();
    assert_eq!(keys, ["Bearer sk-client", "Bearer sk-proxy", "Bearer sk-proxy"].map(|key| Some(key.to_owned())));
}

#[test]
fn keys_are_in_no_file_and_no_log() {
    let (own, theirs) = ("sk-canary-own-91f3", "sk-canary-client-77ab");
    let teacher = ScriptedTeacher::start(|request| {
        let marked = request.json()["messages"][0]["content"].as_str().unwrap().contains("marked");
        if marked { script::streams(&["a marked answer"]) } else { script::says("ok") }
    });
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let own_key = format!("Bearer {own}");
    // As talkative as it can be made.
    let proxy = world.env("TEST_TEACHER_KEY", own).env("APPRENTICE_LOG", "trace").start();
    let headers = [
        ("authorization", &*format!("Bearer {theirs}")),
        ("api-key", theirs),
        ("cookie", theirs),
        ("x-apprentice-site", "shop"),
    ];
    for body in [ASKED.to_owned(), ASKED.replace("Hello", "a marked question")] {
        assert_eq!(proxy.post("/v1/chat/completions", &headers, &body).status(), 200);
    }
    // Errors print causes, and causes could print requests.
    drop(proxy.post("/v1/chat/completions", &headers, "{"));
    teacher.change(|_| vec![Step::Cut]);
    assert_eq!(proxy.post("/v1/chat/completions", &headers, ASKED).status(), 502);
    proxy.captured(2);
    let exit = proxy.stop();

    assert_eq!(teacher.received()[0].header("authorization"), Some(own_key.as_str()));
    let log = [("stdout", exit.stdout.as_str()), ("stderr", exit.stderr.as_str())];
    assert!(exit.stderr.len() > 1_000, "the log should be talkative: {}", exit.stderr);
    for key in [own, theirs] {
        assert_eq!(places_of(key, &world.data(), &log), Vec::<String>::new());
    }
    // The search would have found something that was kept: stored exchanges are compressed, so it is read back.
    let kept = harness::kept::exchanges(&world.data(), "shop");
    assert_eq!(kept.len(), 2);
    for exchange in kept {
        let text = format!("{exchange:?}");
        assert!(text.contains("Hello") || text.contains("a marked question"), "{text}");
        assert!(!text.contains(own) && !text.contains(theirs), "{text}");
    }
}

#[test]
fn a_teacher_behind_tls_is_trusted_by_its_certificate_file_alone() {
    let identity = Identity::default();
    let teacher = ScriptedTeacher::start_secure(&identity, |_| script::says("over TLS"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let refused = proxy.chat("shop", ASKED);
    assert_eq!((refused.status(), refused.json()["error"]["code"].as_str()), (502, Some("teacher_unreachable")));
    assert!(refused.text().contains("certificate"), "{}", refused.text());
    proxy.kill();

    let pem = world.dir.path().join("teacher.pem");
    identity.write_pem(&pem);
    let proxy = world.set("teacher.ca_file", pem.display().to_string()).start();
    let answer = proxy.chat("shop", ASKED);
    assert_eq!((answer.status(), answer.text()), (200, script::completion("over TLS")));
    proxy.kill();

    Identity::default().write_pem(&pem);
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 502, "another certificate than the one that is trusted");
}

#[test]
fn a_connection_carries_one_request_after_the_other_also_while_others_wait() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let teacher = ScriptedTeacher::start(move |request| {
        let mut answer = script::says(request.json()["messages"][0]["content"].as_str().unwrap());
        if request.body.windows(4).any(|window| window == b"slow") {
            answer.insert(0, Step::Wait(waiting.clone()));
        }
        answer
    });
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let ask =
        |text: &str| client::request("POST", "/v1/chat/completions", &[], ASKED.replace("Hello", text).as_bytes());
    let (mut slow, mut quick) = (Connection::open(proxy.proxy), Connection::open(proxy.proxy));
    slow.send(&ask("slow"));
    teacher.eventually(0, "the slow request", |received| received.whole);
    for text in ["one", "two", "three"] {
        quick.send(&ask(text));
        assert_eq!(quick.answer().text(), script::completion(text));
    }
    gate.open();
    assert_eq!(slow.answer().text(), script::completion("slow"));
}

#[test]
fn a_client_that_waits_for_permission_to_send_gets_it() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let mut connection = Connection::open(proxy.proxy);
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        ASKED.len()
    );
    connection.send(head.as_bytes());
    assert_eq!(connection.head().status, 100, "curl waits for this before it sends a large body");
    connection.send(ASKED.as_bytes());
    assert_eq!(connection.answer().status(), 200);
    assert_eq!(teacher.only().body, ASKED.as_bytes());
}

#[test]
fn an_answer_that_cannot_be_kept_passes_all_the_same() {
    let long = "x".repeat(5 << 20);
    let not_text = [b"{\"id\":\"".as_slice(), &[0xff, 0xfe], b"\"}"].concat();
    let bodies = [script::completion(&long).into_bytes(), not_text];
    for (body, reason) in bodies.into_iter().zip(["too-large", "not-text"]) {
        let sent = body.clone();
        let teacher = ScriptedTeacher::start(move |_| script::whole("200 OK", &[], &sent));
        let world = World::new(PROGRAM, &teacher.base_url());
        let proxy = world.start();
        let answer = proxy.chat("shop", ASKED);
        assert!(answer.status() == 200 && answer.clean && answer.body == body, "{} bytes", answer.body.len());
        eventually("the drop to be counted", || {
            (proxy.metric("apprentice_capture_dropped_total", &[reason]) == 1.0).then_some(())
        });
        assert_eq!(proxy.stop().code, Some(0));
        assert_eq!(harness::kept::exchanges(&world.data(), "shop"), [], "half an answer is no lesson");
    }
}

#[test]
fn a_head_request_and_an_answer_without_a_body_are_understood() {
    let teacher = ScriptedTeacher::start(|request| {
        let length = if request.head.starts_with("HEAD") { "content-length: 77\r\n" } else { "" };
        let status = if request.head.starts_with("HEAD") { "200 OK" } else { "204 No Content" };
        vec![Step::Send(format!("HTTP/1.1 {status}\r\n{length}x-odd: kept\r\n\r\n").into_bytes())]
    });
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let mut connection = Connection::open(proxy.proxy);
    connection.send(&client::request("HEAD", "/v1/files/1", &[], b""));
    let head = connection.head();
    assert_eq!((head.status, head.header("content-length"), head.header("x-odd")), (200, "77", "kept"));
    connection.send(&client::request("DELETE", "/v1/files/1", &[], b""));
    let head = connection.head();
    assert_eq!((head.status, head.header("x-odd")), (204, "kept"));
}

#[test]
fn several_serving_threads_share_one_port_and_answer_everyone() {
    let teacher = ScriptedTeacher::start(|request| script::says(request.header("x-number").unwrap()));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.set("proxy.threads", 4).start();
    std::thread::scope(|scope| {
        for number in 0..40 {
            let proxy = &proxy;
            scope.spawn(move || {
                let number = number.to_string();
                let answer = proxy.post("/v1/chat/completions", &[("x-number", &number)], ASKED);
                assert_eq!((answer.status(), answer.text()), (200, script::completion(&number)));
            });
        }
    });
    proxy.captured(40);
    assert_eq!(proxy.stop().code, Some(0));
}
