//! Peers that nobody would wish for: what one of them does reaches the others as little as possible.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::client::{self, Connection};
use harness::program::World;
use harness::script::{self, Step};
use harness::teacher::ScriptedTeacher;
use harness::wait::eventually;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// What a client gets of a stream whose bytes are these, in one piece or as they are cut.
fn streamed(pieces: Vec<Vec<u8>>) -> (Vec<u8>, bool) {
    let teacher = ScriptedTeacher::start(move |_| {
        let mut steps = vec![script::stream_head()];
        steps.extend(pieces.iter().map(|piece| script::chunk(piece)));
        steps.push(script::last_chunk());
        steps
    });
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let answer = client::ask(proxy.proxy, "POST", "/s/shop/v1/chat/completions", &[], ASKED.as_bytes());
    assert_eq!(proxy.stop().code, Some(0));
    (answer.body, answer.clean)
}

#[test]
fn an_event_of_ten_megabytes_passes() {
    let event = format!("data: {{\"x\":\"{}\"}}\n\ndata: [DONE]\n\n", "y".repeat(10 << 20)).into_bytes();
    assert!(streamed(vec![event.clone()]) == (event, true));
}

#[test]
fn a_thousand_events_in_one_segment_pass() {
    let events = "data: {\"choices\":[]}\n\n".repeat(1_000).into_bytes();
    let all = events.clone();
    let teacher = ScriptedTeacher::start(move |_| {
        let whole = [HEAD.as_bytes(), format!("{:x}\r\n", all.len()).as_bytes(), &all, b"\r\n0\r\n\r\n"].concat();
        vec![Step::Send(whole)]
    });
    let world = World::new(PROGRAM, &teacher.base_url());
    let answer = client::ask(world.start().proxy, "POST", "/s/shop/v1/chat/completions", &[], ASKED.as_bytes());
    assert!((answer.body, answer.clean) == (events, true));
}

#[test]
fn a_character_that_is_cut_in_half_arrives_in_halves() {
    let bytes =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\u{1f409}\"}}]}\n\ndata: [DONE]\n\n".as_bytes();
    let at = bytes.iter().position(|byte| *byte == 0xf0).unwrap() + 2;
    assert_eq!(streamed(vec![bytes[..at].to_vec(), bytes[at..].to_vec()]), (bytes.to_vec(), true));
    // Half of one for ever is the teacher's business, too.
    assert_eq!(streamed(vec![bytes[..at].to_vec()]), (bytes[..at].to_vec(), true));
}

#[test]
fn an_answer_with_more_headers_than_anyone_needs_passes() {
    let teacher = ScriptedTeacher::start(|_| {
        let headers: Vec<(String, String)> = (0..200).map(|n| (format!("x-note-{n}"), n.to_string())).collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        script::whole("200 OK", &headers, b"{}")
    });
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    for path in ["/v1/chat/completions", "/v1/models"] {
        let answer = client::ask(proxy.proxy, "POST", path, &[], ASKED.as_bytes());
        assert_eq!((answer.status(), answer.header("x-note-0"), answer.header("x-note-199")), (200, "0", "199"));
    }
}

#[test]
fn bodies_that_a_reader_would_stumble_over_are_the_teachers_to_judge() {
    let teacher = ScriptedTeacher::start(|_| script::json("{}"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let deep = format!("{{\"model\":\"m\",\"messages\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let twice = r#"{"model":"m","model":"n","messages":[],"messages":[{"role":"user","content":"a","content":"b"}]}"#;
    let types = r#"{"model":7,"messages":{"role":"user"},"stream":"yes","metadata":[1],"user":{}}"#;
    for (number, body) in [deep.as_str(), twice, types, "", "null", "\"", "{\"model\"", "\u{0}"].iter().enumerate() {
        let answer = client::ask(proxy.proxy, "POST", "/s/shop/v1/chat/completions", &[], body.as_bytes());
        assert_eq!(answer.status(), 200, "case {number}");
        assert!(teacher.received().pop().unwrap().body == body.as_bytes(), "case {number}");
    }
}

#[test]
fn five_thousand_silent_connections_and_slow_headers_harm_nobody() {
    const SILENT: usize = 5_000;
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.set("proxy.header_s", 5).start();
    let mut silent = Vec::new();
    for number in 0..SILENT {
        let mut stream = TcpStream::connect(proxy.proxy).unwrap();
        if number % 2 == 0 {
            stream.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
        }
        silent.push(stream);
    }
    let began = Instant::now();
    for _ in 0..200 {
        assert_eq!(proxy.chat("shop", &ASKED.replace("true", "false")).status(), 200);
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "200 requests took {took:?}");
    let admin = client::ask(proxy.admin, "GET", "/readyz", &[], b"");
    assert_eq!(admin.status(), 200);
    // Their time is up, all at about the same moment.
    let mut heard = [0; 512];
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let end = stream.read(&mut heard);
        assert!(!matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "still open");
    }
    eventually("nobody in flight", || (proxy.metric("apprentice_requests_in_flight", &[]) == 0.0).then_some(()));
    assert_eq!(proxy.stop().code, Some(0));
}

#[test]
fn connections_are_not_limited_by_the_descriptors_that_a_shell_gives() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    // The limit that a process may raise itself.
    let through = ["-c", "ulimit -S -n 256; exec \"$0\" \"$@\"", PROGRAM];
    let proxy = World::new("sh", &teacher.base_url()).through(&through).start();
    let silent: Vec<Connection> = (0..600).map(|_| Connection::open(proxy.proxy)).collect();
    for _ in 0..20 {
        assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    }
    drop(silent);
}

#[test]
fn admin_connections_that_say_nothing_do_not_stay() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.set("proxy.header_s", 2).start();
    let mut silent: Vec<Connection> = (0..300).map(|_| Connection::open(proxy.admin)).collect();
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    for connection in &mut silent {
        connection.send_while_taken(b"GET /health");
    }
    for connection in silent {
        let mut connection = connection;
        let (_, _) = connection.rest();
    }
    assert_eq!(client::ask(proxy.admin, "GET", "/healthz", &[], b"").status(), 200);
}

#[test]
fn a_teacher_that_answers_before_it_has_heard_everything_is_heard() {
    let teacher = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", teacher.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = teacher.accept().unwrap();
        let mut heard = [0; 64 << 10];
        assert!(stream.read(&mut heard).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 8\r\nconnection: close\r\n\r\ntoo much").unwrap();
        // It hears the rest for a while, as servers do that want their answer to be read.
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        while stream.read(&mut heard).is_ok_and(|read| read > 0) {}
    });
    let proxy = World::new(PROGRAM, &url).start();
    let mut connection = Connection::open(proxy.proxy);
    connection.send(b"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n");
    connection.send_while_taken(&vec![0; 1 << 20]);
    let answer = connection.answer();
    assert_eq!((answer.status(), answer.text().as_str()), (413, "too much"));
    connection.leave();
    serving.join().unwrap();
}
