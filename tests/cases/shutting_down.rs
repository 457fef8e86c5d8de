//! Asked to stop, the program finishes what it has begun and begins nothing new.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::client::{self, Connection, Piece};
use harness::kept::exchanges;
use harness::program::World;
use harness::script::{self, Gate, Step};
use harness::teacher::ScriptedTeacher;
use harness::wait::eventually;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

#[test]
fn a_running_stream_is_finished_and_kept_and_new_connections_are_refused() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let teacher = ScriptedTeacher::start(move |_| script::streams_past(&waiting, &["one ", "two"]));
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let mut connection = Connection::open(proxy.proxy);
    connection.send(&client::request("POST", "/s/shop/v1/chat/completions", &[], ASKED.as_bytes()));
    assert_eq!(connection.head().status, 200);
    assert!(matches!(connection.piece(), Piece::Data(_)));

    let address = proxy.proxy;
    proxy.ask_to_stop();
    eventually("new connections to be refused", || TcpStream::connect(address).is_err().then_some(()));
    gate.open();
    let (body, clean) = connection.rest();
    assert!(clean && body.ends_with(b"data: [DONE]\n\n"), "{}", String::from_utf8_lossy(&body));
    let exit = proxy.ended();
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let kept = exchanges(&world.data(), "shop");
    assert_eq!(kept.iter().map(|exchange| exchange.complete).collect::<Vec<_>>(), [true]);
}

#[test]
fn connections_that_wait_for_nothing_do_not_delay_the_end() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let mut used = Connection::open(proxy.proxy);
    used.send(&client::request("POST", "/v1/chat/completions", &[], ASKED.as_bytes()));
    assert_eq!(used.answer().status(), 200);
    let fresh = Connection::open(proxy.proxy);
    // On the admin side too.
    let mut admin = Connection::open(proxy.admin);
    admin.send(&client::request("GET", "/healthz", &[], b""));
    assert_eq!(admin.answer().status(), 200);
    let began = Instant::now();
    assert_eq!(proxy.stop().code, Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    drop((used, fresh, admin));
}

#[test]
fn everything_answered_before_the_end_is_on_disk() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    for _ in 0..100 {
        assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    }
    // Without waiting for any count.
    assert_eq!(proxy.stop().code, Some(0));
    assert_eq!(exchanges(&world.data(), "shop").len(), 100);
}

#[test]
fn requests_that_never_end_are_cut_off_in_bounded_time() {
    let teacher = ScriptedTeacher::start(|_| {
        vec![script::stream_head(), script::chunk(script::events(&["Once"])[1].as_bytes()), Step::Hang]
    });
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.set("proxy.drain_s", 6).start();
    let mut streaming = Connection::open(proxy.proxy);
    streaming.send(&client::request("POST", "/s/shop/v1/chat/completions", &[], ASKED.as_bytes()));
    assert_eq!(streaming.head().status, 200);
    // Half a request on both sides: nobody will ever send the rest.
    let (mut half, mut half_admin) = (Connection::open(proxy.proxy), Connection::open(proxy.admin));
    half.send(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 10\r\n\r\n{");
    half_admin.send(b"POST /admin/call-sites/shop/hold HTTP/1.1\r\nhost: 127");
    let began = Instant::now();
    assert_eq!(proxy.stop().code, Some(0));
    let took = began.elapsed();
    assert!(took > Duration::from_secs(5), "a running stream gets time to finish: {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(!streaming.rest().1, "a stream that was cut off does not end cleanly");
    let kept = exchanges(&world.data(), "shop");
    assert_eq!(kept.iter().map(|exchange| exchange.complete).collect::<Vec<_>>(), [false]);
}
