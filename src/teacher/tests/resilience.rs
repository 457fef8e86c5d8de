//! Time limits, retries and the circuit.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Empty};
use wire::error::ApiError;

use crate::breaker::Breaker;
use crate::resilience::backoff;
use crate::{BreakerSettings, Circuit, Client, Endpoint, Outgoing, Resilience};

const OPEN: Duration = Duration::from_secs(10);

fn breaker(failures: u32) -> (Breaker, Instant) {
    (Breaker::new(BreakerSettings { failures, open: OPEN }), Instant::now())
}

/// One request that got no answer.
fn fail(breaker: &Breaker, now: Instant) -> bool {
    breaker.admit(now).unwrap().failed(now)
}

#[test]
fn the_circuit_opens_after_so_many_failures_in_a_row_and_closes_with_an_answer() {
    let (breaker, now) = breaker(3);
    assert!(!fail(&breaker, now) && !fail(&breaker, now));
    breaker.admit(now).unwrap().answered();
    assert!(!fail(&breaker, now) && !fail(&breaker, now), "an answer ends the row");
    assert!(fail(&breaker, now), "who opens it is told");
    assert_eq!((breaker.circuit(), breaker.admit(now).unwrap_err()), (Circuit::Open, OPEN));
    assert_eq!(breaker.admit(now + OPEN / 4).unwrap_err(), OPEN * 3 / 4);
    let later = now + OPEN;
    let probe = breaker.admit(later).unwrap();
    assert_eq!((breaker.circuit(), breaker.admit(later).is_err()), (Circuit::HalfOpen, true));
    assert!(!probe.failed(later), "it was open before");
    assert_eq!(breaker.admit(later).unwrap_err(), OPEN);
    breaker.admit(later + OPEN).unwrap().answered();
    assert_eq!(breaker.circuit(), Circuit::Closed);
    assert!(!fail(&breaker, later), "the row begins anew");
}

#[test]
fn a_probe_that_nobody_waits_for_lets_another_try() {
    let (breaker, now) = breaker(1);
    fail(&breaker, now);
    drop(breaker.admit(now + OPEN).unwrap());
    assert_eq!(breaker.circuit(), Circuit::Open);
    assert!(breaker.admit(now + OPEN).is_ok());
}

#[test]
fn what_was_sent_before_the_circuit_opened_neither_keeps_it_open_nor_lets_everybody_in() {
    let (breaker, now) = breaker(2);
    let old: Vec<_> = (0..4).map(|_| breaker.admit(now).unwrap()).collect();
    let mut old = old.into_iter();
    assert!(!old.next().unwrap().failed(now) && old.next().unwrap().failed(now));
    assert!(!old.next().unwrap().failed(now + OPEN / 2));
    let probe = breaker.admit(now + OPEN).unwrap();
    // One of before the outage answers after all: the teacher is there.
    old.next().unwrap().answered();
    assert_eq!(breaker.circuit(), Circuit::Closed);
    assert!(!probe.failed(now + OPEN) && breaker.admit(now + OPEN).is_ok());
}

#[test]
fn a_circuit_that_is_never_to_open_stays_closed() {
    let (breaker, now) = breaker(0);
    assert!((0..1_000).all(|_| !fail(&breaker, now)));
    assert_eq!(breaker.circuit(), Circuit::Closed);
}

#[test]
fn retries_wait_twice_as_long_each_time_and_not_all_equally_long() {
    let ms = |number, die| backoff(number, die).as_millis();
    assert_eq!([ms(1, 0.0), ms(2, 0.0), ms(3, 0.0), ms(99, 0.0)], [50, 100, 200, 1_000]);
    assert_eq!([ms(1, 1.0), ms(2, 0.5), ms(3, 0.999)], [100, 150, 399]);
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What comes of one request to `address`, of a client that tries `retries` times more.
fn ask(address: SocketAddr, body: Outgoing, retries: u32, connect: Duration) -> Result<Bytes, ApiError> {
    let mut resilience = Resilience { retries_max: retries, ..Resilience::default() };
    resilience.timeouts.connect = connect;
    let endpoint = Endpoint::new(&format!("http://{address}/v1"), None, None).unwrap().with_resilience(resilience);
    run(async {
        let client = Client::new(&endpoint).unwrap();
        let answer = client.send(&Method::POST, "/v1/x", None, &HeaderMap::new(), body).await?;
        Ok(answer.into_body().collect().await.unwrap().to_bytes())
    })
}

/// An address at which nobody listens, and what begins to listen there and answers one request.
fn closed() -> (SocketAddr, impl FnOnce() -> Vec<u8> + Send) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = move || {
        let (mut stream, _) = TcpListener::bind(address).unwrap().accept().unwrap();
        let mut heard = vec![0; 4096];
        let read = stream.read(&mut heard).unwrap();
        heard.truncate(read);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        heard
    };
    (address, listen)
}

#[test]
fn a_request_that_the_teacher_has_seen_nothing_of_is_sent_again() {
    let (address, listen) = closed();
    let teacher = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(120));
        listen()
    });
    let answer = ask(address, Outgoing::Whole("question".into()), 10, Duration::from_secs(10));
    assert_eq!(answer.unwrap(), "ok");
    let heard = String::from_utf8(teacher.join().unwrap()).unwrap();
    assert!(heard.contains("content-length: 8") && heard.ends_with("question"), "{heard}");
}

#[test]
fn a_request_is_sent_again_only_so_often_and_only_while_it_is_all_there() {
    let (address, _) = closed();
    let code = |body, retries, connect| ask(address, body, retries, connect).unwrap_err().code;
    let took = |retries, connect| {
        let began = Instant::now();
        assert_eq!(code(Outgoing::Whole("q".into()), retries, connect), Some("teacher_unreachable"));
        began.elapsed()
    };
    // Two retries wait at least 50 and 100 ms.
    assert!(took(2, Duration::from_secs(10)) >= Duration::from_millis(150));
    // No retry begins when the time for a connection is over.
    assert!(took(1_000_000, Duration::from_millis(200)) < Duration::from_secs(5));
    let stream = Outgoing::Stream(Empty::new().map_err(|never| match never {}).boxed_unsync());
    let began = Instant::now();
    assert_eq!(code(stream, 1_000, Duration::from_secs(60)), Some("teacher_unreachable"));
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn why_there_is_no_answer_is_said_to_the_end_and_once() {
    let (address, _) = closed();
    let message = ask(address, Outgoing::Whole("q".into()), 0, OPEN).unwrap_err().message;
    assert!(message.contains(&address.to_string()) && message.contains("refused"), "{message}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let teacher = std::thread::spawn(move || listener.accept().unwrap().0.read(&mut [0; 9]).unwrap());
    let message = ask(address, Outgoing::Whole("q".into()), 0, OPEN).unwrap_err().message;
    teacher.join().unwrap();
    assert!(message.contains("broke off before it answered: its connection ended: "), "{message}");
}

#[test]
fn a_connection_takes_no_longer_than_said_whatever_step_it_hangs_in() {
    // It is accepted by the kernel, and the TLS handshake never answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::new(&format!("https://{}/v1", listener.local_addr().unwrap()), None, None).unwrap();
    let mut resilience = Resilience { retries_max: 0, ..Resilience::default() };
    resilience.timeouts.connect = Duration::from_millis(100);
    let endpoint = endpoint.with_resilience(resilience);
    let error = run(async {
        let client = Client::new(&endpoint).unwrap();
        let body = Outgoing::Whole(Bytes::new());
        client.send(&Method::GET, "/v1/models", None, &HeaderMap::new(), body).await.err().unwrap()
    });
    assert_eq!((error.status, error.code), (502, Some("teacher_unreachable")));
    assert!(error.message.contains("teacher.connect_s"), "{}", error.message);
}
