//! HTTP/1.1 by hand: what is sent and what comes back is seen as it is, cuts and chunks included.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::tls::Identity;
use crate::wait::DEADLINE;

/// A connection to the program.
pub struct Connection {
    socket: TcpStream,
    stream: Box<dyn ReadWrite>,
    buffer: Vec<u8>,
    framing: Framing,
}

trait ReadWrite: Read + Write {}

impl<S: Read + Write> ReadWrite for S {}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Chunked,
    Length(usize),
    UntilClose,
}

/// Status and headers of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

/// The next thing that comes of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Data(Vec<u8>),
    /// The body is over, as it should be.
    End,
    /// The connection is over and the body is not.
    Cut,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
    /// The body ended as it should.
    pub clean: bool,
}

impl Head {
    /// The value of a header; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Answer {
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.head.header(name)
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// A request's bytes with its body's length.
#[must_use]
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Asks on a connection of its own and reads the whole answer.
#[must_use]
pub fn ask(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut connection = Connection::open(address);
    connection.send(&request(method, target, headers, body));
    connection.answer()
}

impl Connection {
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap_or_else(|error| panic!("cannot reach {address}: {error}"));
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let stream = Box::new(socket.try_clone().unwrap());
        Self { socket, stream, buffer: Vec::new(), framing: Framing::UntilClose }
    }

    /// With TLS, if the other end shows the certificate of `identity` and agrees on HTTP/1.1; else what went wrong.
    ///
    /// # Errors
    /// What the handshake ended with.
    ///
    /// # Panics
    /// When nobody listens.
    pub fn open_secure(address: SocketAddr, identity: &Identity) -> std::io::Result<Self> {
        let plain = Self::open(address);
        let name = rustls_pki_types::ServerName::IpAddress(address.ip().into());
        let session = rustls::ClientConnection::new(identity.client(), name).map_err(std::io::Error::other)?;
        let mut stream = rustls::StreamOwned::new(session, plain.socket.try_clone()?);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        Ok(Self { stream: Box::new(stream), ..plain })
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends as much as the other end takes; it may close while it is still being sent to.
    pub fn send_while_taken(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes));
    }

    /// Leaves without waiting for anything.
    pub fn leave(self) {
        self.socket.shutdown(Shutdown::Both).unwrap_or_default();
    }

    /// Reads the next answer's head.
    ///
    /// # Panics
    /// When the connection ends before.
    pub fn head(&mut self) -> Head {
        let head = self.until(b"\r\n\r\n").expect("the connection ended before an answer's head");
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let head = Head { status: status.expect("a status line"), headers: lines.filter_map(header).collect() };
        self.framing = if head.header("transfer-encoding").contains("chunked") {
            Framing::Chunked
        } else {
            head.find("content-length").map_or(Framing::UntilClose, |length| Framing::Length(length.parse().unwrap()))
        };
        head
    }

    /// The next piece of the body: one chunk, or what has arrived of a body of known length.
    pub fn piece(&mut self) -> Piece {
        match self.framing {
            Framing::Chunked => self.chunk().unwrap_or(Piece::Cut),
            Framing::Length(0) => Piece::End,
            Framing::Length(left) => {
                if self.buffer.is_empty() && !self.fill() {
                    return Piece::Cut;
                }
                let data: Vec<u8> = self.buffer.drain(..left.min(self.buffer.len())).collect();
                self.framing = Framing::Length(left - data.len());
                Piece::Data(data)
            }
            Framing::UntilClose => {
                if self.buffer.is_empty() && !self.fill() {
                    return Piece::End;
                }
                Piece::Data(std::mem::take(&mut self.buffer))
            }
        }
    }

    /// Reads a whole answer.
    pub fn answer(&mut self) -> Answer {
        let head = self.head();
        let (body, clean) = self.rest();
        Answer { head, body, clean }
    }

    /// What is left of the body, and whether it ended as it should.
    pub fn rest(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            match self.piece() {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End => return (body, true),
                Piece::Cut => return (body, false),
            }
        }
    }

    fn chunk(&mut self) -> Option<Piece> {
        let size = self.until(b"\r\n")?;
        let size = usize::from_str_radix(String::from_utf8_lossy(&size).trim(), 16).expect("a chunk's size");
        while self.buffer.len() < size + 2 {
            if !self.fill() {
                return None;
            }
        }
        let data: Vec<u8> = self.buffer.drain(..size).collect();
        self.buffer.drain(..2);
        Some(if data.is_empty() { Piece::End } else { Piece::Data(data) })
    }

    fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return Some(self.buffer.drain(..at + end.len()).collect());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Whether anything more came; a reset connection ends like a closed one.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 16 << 10];
        loop {
            return match self.stream.read(&mut bytes) {
                Ok(count) => {
                    self.buffer.extend_from_slice(&bytes[..count]);
                    count > 0
                }
                // The kernel does not take up a read with a time limit again after a signal.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing came for {DEADLINE:?}"),
                Err(_) => false,
            };
        }
    }
}
