//! A stream passes as it comes: its bytes, its pace and its end, good or bad.

use std::time::Duration;

use harness::client::{self, Connection, Piece};
use harness::program::{Apprentice, World};
use harness::script::{self, Gate, Step};
use harness::teacher::ScriptedTeacher;
use harness::wait::eventually;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

fn ask(proxy: &Apprentice) -> Connection {
    let mut connection = Connection::open(proxy.proxy);
    connection.send(&client::request("POST", "/s/shop/v1/chat/completions", &[], ASKED.as_bytes()));
    connection
}

#[test]
fn the_bytes_of_a_stream_are_the_teachers_however_they_are_cut_into_chunks() {
    // Comments, other line ends, an unknown event and letters of several bytes, as other servers send them.
    let mut text = script::events(&["Grüße", " 🜁🜂", "\u{fffd}"]).concat();
    text.insert_str(0, ": ping\r\n\r\nevent: odd\ndata: {\"unknown\": [1,2 ]}\n\n");
    let bytes = text.into_bytes();
    for size in [1, 2, 3, 7, 64, 1_000_000] {
        let sent = bytes.clone();
        let teacher = ScriptedTeacher::start(move |_| {
            let mut answer = vec![script::stream_head()];
            answer.extend(sent.chunks(size).map(script::chunk));
            answer.push(script::last_chunk());
            answer
        });
        let proxy = World::new(PROGRAM, &teacher.base_url()).start();
        let answer = ask(&proxy).answer();
        assert_eq!((answer.status(), answer.header("content-type"), answer.clean), (200, "text/event-stream", true));
        assert!(answer.body == bytes, "chunks of {size}: {}", answer.text());
        assert_eq!(answer.header("x-apprentice-route"), "teacher");
    }
}

#[test]
fn a_stream_that_the_teacher_cuts_off_does_not_end_cleanly() {
    for in_a_chunk in [false, true] {
        let first = script::events(&["Once upon"])[1].clone();
        let sent = first.clone();
        let teacher = ScriptedTeacher::start(move |_| {
            let mut answer = vec![script::stream_head(), script::chunk(sent.as_bytes())];
            answer.extend(in_a_chunk.then(|| Step::Send(b"40\r\ndata: {\"half".to_vec())));
            answer.push(Step::Cut);
            answer
        });
        let world = World::new(PROGRAM, &teacher.base_url());
        let proxy = world.start();
        let mut connection = ask(&proxy);
        assert_eq!(connection.head().status, 200);
        let (body, clean) = connection.rest();
        assert!(body.starts_with(first.as_bytes()), "what was said before the cut arrives");
        assert!(
            !body.ends_with(b"[DONE]\n\n") && (in_a_chunk || body.ends_with(b"\"code\":\"answer_broke_off\"}}\n\n"))
        );
        assert!(!clean, "a clean end would look like success to every client");
        proxy.captured(1);
        assert_eq!(proxy.stop().code, Some(0));
        let kept = harness::kept::exchanges(&world.data(), "shop");
        assert_eq!(kept.iter().map(|exchange| exchange.complete).collect::<Vec<_>>(), [false]);
    }
}

#[test]
fn a_body_that_ends_short_of_its_length_does_not_end_cleanly() {
    let teacher = ScriptedTeacher::start(|_| {
        vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":".to_vec()), Step::Cut]
    });
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let answer = proxy.chat("shop", ASKED);
    assert!(!answer.clean, "{answer:?}");
}

#[test]
fn a_teacher_that_hangs_up_before_its_answer_is_an_error_in_openais_shape() {
    let teacher = ScriptedTeacher::start(|_| vec![Step::Cut]);
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let answer = ask(&proxy).answer();
    assert_eq!((answer.status(), answer.json()["error"]["code"].as_str()), (502, Some("teacher_broke_off")));
    assert_eq!(teacher.asked(), 1, "a paid request is not repeated");
}

#[test]
fn a_stream_counts_as_in_flight_until_its_end() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let teacher = ScriptedTeacher::start(move |_| {
        let mut answer = script::streams(&["Once"]);
        answer.insert(2, Step::Wait(waiting.clone()));
        answer
    });
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let mut connection = ask(&proxy);
    assert_eq!(connection.head().status, 200);
    assert!(matches!(connection.piece(), Piece::Data(_)));
    assert_eq!(proxy.metric("apprentice_requests_in_flight", &[]), 1.0);
    gate.open();
    assert!(connection.rest().1);
    eventually("no request in flight", || (proxy.metric("apprentice_requests_in_flight", &[]) == 0.0).then_some(()));
}

#[test]
fn a_client_that_reads_slowly_slows_the_teacher_and_fills_no_memory() {
    const BYTES: usize = 64 << 20;
    let gate = Gate::default();
    let sent = gate.clone();
    let teacher = ScriptedTeacher::start(move |request| {
        if request.head.starts_with("POST /v1/chat/completions?small") {
            return script::says("ok");
        }
        let mut answer = script::whole("200 OK", &[], &vec![b'x'; BYTES]);
        answer.push(Step::Open(sent.clone()));
        answer
    });
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    // The exchange log takes its memory with the first exchange.
    assert_eq!(proxy.post("/s/shop/v1/chat/completions?small", &[], ASKED).status(), 200);
    proxy.captured(1);
    let before = proxy.peak_bytes();
    let mut connection = ask(&proxy);
    assert_eq!(connection.head().status, 200);
    // That nothing happens can only be shown by waiting; sixty-four mebibytes pass in a tenth of this.
    std::thread::sleep(Duration::from_millis(500));
    assert!(!gate.is_open(), "the teacher should be held up");
    let (body, clean) = connection.rest();
    assert!(clean && body.len() == BYTES, "{} bytes", body.len());
    let grown = proxy.peak_bytes() - before;
    assert!(grown < 32 << 20, "{grown} bytes more than before");
}
