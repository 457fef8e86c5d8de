//! Connections that change their protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use handover::State;

use super::until;
use super::world::{Setup, World};

const ASK: &str = "GET /v1/realtime?model=gpt HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: a\r\nsec-websocket-protocol: realtime\r\n\r\n";

/// A teacher that agrees, or not, and says every byte back one higher; gives back what it heard of the request.
fn teacher(agrees: bool) -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = head(&stream);
        if !agrees {
            stream.write_all(b"HTTP/1.1 426 Upgrade Required\r\ncontent-length: 2\r\n\r\nno").unwrap();
            return head;
        }
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: b\r\n\r\n";
        // The first frame may come in one piece with the head.
        stream.write_all([answer.as_bytes(), b"hello"].concat().as_slice()).unwrap();
        let mut byte = [0];
        while stream.read(&mut byte).unwrap() == 1 {
            stream.write_all(&[byte[0].wrapping_add(1)]).unwrap();
        }
        head
    });
    (address, thread)
}

fn head(stream: &TcpStream) -> String {
    let (mut reader, mut head) = (BufReader::with_capacity(1, stream.try_clone().unwrap()), String::new());
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    head.to_lowercase()
}

fn world(teacher: SocketAddr) -> World {
    World::start(Setup { teacher_at: Some(teacher), ..Setup::new(State::Teacher) })
}

#[test]
fn a_websocket_is_joined_to_the_teachers_and_both_ends_hear_the_others_end() {
    let (address, taught) = teacher(true);
    let world = world(address);
    let mut client = TcpStream::connect(world.address).unwrap();
    client.set_read_timeout(Some(super::DEADLINE)).unwrap();
    client.write_all(ASK.as_bytes()).unwrap();
    let answered = head(&client);
    assert!(answered.starts_with("http/1.1 101"), "{answered}");
    for line in ["upgrade: websocket", "connection: upgrade", "sec-websocket-accept: b", "x-apprentice-route: teacher"]
    {
        assert!(answered.contains(line), "{line}: {answered}");
    }
    let mut heard = [0; 5];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
    for byte in [0_u8, 7, 255] {
        client.write_all(&[byte]).unwrap();
        client.read_exact(&mut heard[..1]).unwrap();
        assert_eq!(heard[0], byte.wrapping_add(1));
    }
    assert_eq!(world.metrics.requests_in_flight().get(), 1.0);
    drop(client);
    let asked = taught.join().unwrap();
    for line in
        ["get /v1/realtime?model=gpt ", "upgrade: websocket", "connection: upgrade", "sec-websocket-protocol: realtime"]
    {
        assert!(asked.contains(line), "{line}: {asked}");
    }
    world.until_idle();
}

#[test]
fn a_teacher_that_does_not_agree_is_heard() {
    let (address, taught) = teacher(false);
    let world = world(address);
    let headers = [("upgrade", "websocket")];
    let mut client = TcpStream::connect(world.address).unwrap();
    client.write_all(ASK.as_bytes()).unwrap();
    let answered = head(&client);
    assert!(answered.starts_with("http/1.1 426") && !answered.contains("upgrade: websocket"), "{answered}");
    taught.join().unwrap();
    drop(client);
    // An `Upgrade` that the connection header does not name is of no hop and goes no further.
    let (address, taught) = teacher(false);
    let world = self::world(address);
    assert_eq!(world.send("GET", "/v1/realtime", &headers, "").status, 426);
    assert!(!taught.join().unwrap().contains("upgrade"));
}

#[test]
fn a_client_that_leaves_in_the_middle_of_the_change_leaves_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = world(listener.local_addr().unwrap());
    let mut client = TcpStream::connect(world.address).unwrap();
    client.write_all(ASK.as_bytes()).unwrap();
    let (mut teacher, _) = listener.accept().unwrap();
    head(&teacher);
    drop(client);
    teacher.set_read_timeout(Some(super::DEADLINE)).unwrap();
    assert_eq!(teacher.read(&mut [0]).unwrap_or_default(), 0, "the teacher is told");
    world.until_idle();
    until("the place", || world.metrics.requests_total("default", "proxy", "499").get() == 1);
}
