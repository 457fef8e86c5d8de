use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::sync::watch;

use crate::{Limits, Listener, OwnHosts, serve};

const LIMITS: Limits =
    Limits { connections_max: 1, header_time: Duration::from_secs(5), drain_time: Duration::from_millis(200) };

/// A server on a thread of its own; its switch and its thread.
fn server() -> (SocketAddr, watch::Sender<bool>, std::thread::JoinHandle<()>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = listener.address();
    let (stop, stopped) = watch::channel(false);
    let thread = std::thread::spawn(move || {
        let socket = listener.into_sockets().pop().unwrap();
        let answer = service_fn(|_: Request<Incoming>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"served"))))
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve(socket, LIMITS, answer, stopped));
    });
    (address, stop, thread)
}

fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_taken_port_is_named_even_when_it_could_be_shared() {
    let held = Listener::bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
    let error = Listener::bind(held.address(), 2).unwrap_err();
    assert!(error.to_string().contains(&held.address().to_string()), "{error}");
    assert_eq!(held.into_sockets().len(), 2);
}

#[test]
fn addresses_plain_names_and_given_names_are_our_own_and_nothing_that_looks_like_them() {
    let own = OwnHosts::new(&["Proxy.Studio.Example".to_owned()]);
    for host in [
        "127.0.0.1",
        "10.0.0.7:8080",
        "[::1]:8080",
        "[::1]",
        "localhost:1",
        "apprentice",
        "proxy.studio.example:80",
        "PROXY.studio.example.",
    ] {
        assert!(own.admits(host), "{host}");
    }
    for host in [
        "",
        "rebound.evil.example",
        "[::1].evil.example",
        "[::1]evil",
        "127.0.0.1.evil.example",
        "localhost:80.evil.example",
        "127.0.0.1:80@evil.example",
        "a:b:c",
        ":80",
    ] {
        assert!(!own.admits(host), "{host}");
    }
}

#[test]
fn a_connection_past_the_limit_waits_until_one_has_ended() {
    let (address, stop, thread) = server();
    let first = TcpStream::connect(address).unwrap();
    let mut second = TcpStream::connect(address).unwrap();
    second.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut text = String::new();
    assert!(second.read_to_string(&mut text).is_err(), "answered while the only place was taken: {text}");
    drop(first);
    second.set_read_timeout(None).unwrap();
    second.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("served"), "{text}");
    stop.send(true).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_stop_ends_the_server_although_a_connection_says_nothing() {
    let (address, stop, thread) = server();
    assert!(ask(&mut TcpStream::connect(address).unwrap()).ends_with("served"));
    let mut half = TcpStream::connect(address).unwrap();
    half.write_all(b"GET / HTT").unwrap();
    stop.send(true).unwrap();
    thread.join().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_end_of_a_chain_is_that_of_the_certificate_that_ends_first() {
    let (dir, day) = (tempfile::tempdir().unwrap(), 86_400);
    let path = dir.path().join("chain.pem");
    let pem = |year: i32, is_authority: bool| {
        let mut names = rcgen::CertificateParams::new(["proxy.studio.example".to_owned()]).unwrap();
        names.not_before = rcgen::date_time_ymd(2001, 1, 1);
        names.not_after = rcgen::date_time_ymd(year, 1, 2);
        if is_authority {
            names.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }
        names.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    };
    // 2001-01-01 was day 11,323.
    let ends = |year: u64| (11_323 + (year - 2001) * 365 + (year - 2001) / 4 + 1) * day;
    for (chain, end) in [
        (pem(2030, false), ends(2030)),
        (pem(2003, false) + &pem(2030, true), ends(2003)),
        (pem(2030, false) + &pem(2003, true), ends(2003)),
    ] {
        std::fs::write(&path, chain).unwrap();
        assert_eq!(crate::certificates_end(&path).unwrap(), end);
    }
    std::fs::write(&path, "no PEM").unwrap();
    assert!(crate::certificates_end(&path).unwrap_err().to_string().contains("holds no certificate"));
}
