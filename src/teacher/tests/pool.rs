//! Which connections carry the next request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use http::{HeaderMap, Method};
use http_body_util::BodyExt;

use crate::{Client, Endpoint, Outgoing};

/// A teacher on connections that stay, which calls `answer` for each request: whether the connection stays is its to say.
fn teacher(answer: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let (count, answer) = (connections.clone(), Arc::new(answer));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            count.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || {
                let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
                loop {
                    let read = stream.read(&mut piece).unwrap_or_default();
                    heard.extend_from_slice(&piece[..read]);
                    if read == 0 {
                        return;
                    }
                    if heard.ends_with(b"question") {
                        heard.clear();
                        if !answer(&mut stream) {
                            return;
                        }
                    }
                }
            });
        }
    });
    (address, connections)
}

fn client(address: SocketAddr) -> Client {
    Client::new(&Endpoint::new(&format!("http://{address}/v1"), None, None).unwrap()).unwrap()
}

async fn send(client: &Client) -> http::Response<crate::AnswerBody> {
    let body = Outgoing::Whole("question".into());
    client.send(&Method::POST, "/v1/x", None, &HeaderMap::new(), body).await.unwrap()
}

async fn ask(client: &Client) -> Vec<u8> {
    send(client).await.into_body().collect().await.unwrap().to_bytes().to_vec()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
const EMPTY: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

#[test]
fn one_connection_carries_one_request_after_the_other_whatever_its_answers_are_framed_by() {
    for (answer, said) in [(WHOLE, &b"ok"[..]), (CHUNKED, b"ok"), (EMPTY, b"")] {
        let (address, connections) = teacher(move |stream| stream.write_all(answer).is_ok());
        run(async {
            let client = client(address);
            for _ in 0..5 {
                assert_eq!(ask(&client).await, said);
            }
        });
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn requests_at_the_same_time_have_connections_of_their_own_and_these_are_used_again() {
    let (address, connections) = teacher(|stream| {
        thread::sleep(Duration::from_millis(50));
        stream.write_all(CHUNKED).is_ok()
    });
    run(async {
        let client = client(address);
        for _ in 0..3 {
            let answers = tokio::join!(ask(&client), ask(&client), ask(&client));
            assert_eq!(answers, (b"ok".to_vec(), b"ok".to_vec(), b"ok".to_vec()));
        }
    });
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}

#[test]
fn a_connection_that_was_closed_while_it_waited_is_not_used_again() {
    let (address, connections) = teacher(|stream| {
        stream.write_all(WHOLE).unwrap();
        false
    });
    run(async {
        let client = client(address);
        for _ in 0..3 {
            assert_eq!(ask(&client).await, b"ok");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}

#[test]
fn a_connection_whose_answer_nobody_reads_to_its_end_is_closed_at_once() {
    let (left, seen) = std::sync::mpsc::channel();
    let (address, connections) = teacher(move |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\no").unwrap();
        left.send(stream.read(&mut [0]).unwrap_or_default() == 0).unwrap();
        false
    });
    run(async {
        let client = client(address);
        let mut body = send(&client).await.into_body();
        assert!(body.frame().await.is_some());
        drop(body);
        assert!(seen.recv_timeout(Duration::from_secs(20)).unwrap(), "the teacher was left");
        drop(send(&client).await);
    });
    assert!(seen.recv_timeout(Duration::from_secs(20)).unwrap());
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[test]
fn what_a_teacher_says_behind_its_answer_is_nobodys_answer() {
    let (address, connections) = teacher(|stream| {
        let more = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen";
        stream.write_all(&[WHOLE, more].concat()).is_ok()
    });
    run(async {
        let client = client(address);
        for _ in 0..3 {
            assert_eq!(ask(&client).await, b"ok");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(connections.load(Ordering::Relaxed), 3, "such a connection carries nothing more");
}

#[test]
fn answers_that_end_with_their_connection_or_come_after_a_hint_are_whole() {
    for (answer, used) in [
        (&b"HTTP/1.0 200 OK\r\n\r\nok"[..], 2),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", 2),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 1),
    ] {
        let (address, connections) = teacher(move |stream| {
            stream.write_all(answer).unwrap();
            used == 1
        });
        run(async {
            let client = client(address);
            for _ in 0..2 {
                assert_eq!(ask(&client).await, b"ok");
            }
        });
        assert_eq!(connections.load(Ordering::Relaxed), used);
    }
}
