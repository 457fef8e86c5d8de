//! The scripted teacher: a real server on a real socket that says byte for byte what a test scripted, and
//! remembers byte for byte what it was asked.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::script::{Script, Step};
use crate::tls::Identity;
use crate::wait::eventually;

/// How often a waiting answer looks at its gate and its peer.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// One request as it arrived so far.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Request line and header lines, `\r\n` between them.
    pub head: String,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// The body is all there.
    pub whole: bool,
    /// When the peer's end of the connection was seen, if that came before the script's.
    pub abandoned: Option<Instant>,
}

impl Received {
    /// The request target, such as `/v1/models?limit=2`.
    #[must_use]
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a header, its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

type Answering = Box<dyn Fn(&Received) -> Script + Send + Sync>;

#[derive(Clone)]
struct Shared {
    received: Arc<Mutex<Vec<Received>>>,
    answering: Arc<Mutex<Arc<Answering>>>,
    stopped: Arc<AtomicBool>,
}

/// A running teacher; it stops listening when it is dropped.
pub struct ScriptedTeacher {
    address: SocketAddr,
    secure: bool,
    shared: Shared,
}

impl ScriptedTeacher {
    /// Answers every request as `answering` says.
    pub fn start(answering: impl Fn(&Received) -> Script + Send + Sync + 'static) -> Self {
        Self::listen(None, answering)
    }

    /// The same over TLS with the certificate of `identity`.
    pub fn start_secure(identity: &Identity, answering: impl Fn(&Received) -> Script + Send + Sync + 'static) -> Self {
        Self::listen(Some(identity.server()), answering)
    }

    fn listen(
        tls: Option<Arc<rustls::ServerConfig>>,
        answering: impl Fn(&Received) -> Script + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answering: Arc<Answering> = Arc::new(Box::new(answering));
        let shared = Shared {
            received: Arc::default(),
            answering: Arc::new(Mutex::new(answering)),
            stopped: Arc::new(AtomicBool::new(false)),
        };
        let (secure, serving) = (tls.is_some(), shared.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.stopped.load(Ordering::Acquire) {
                    return;
                }
                let (shared, tls) = (serving.clone(), tls.clone());
                thread::spawn(move || shared.converse(stream, tls));
            }
        });
        Self { address, secure, shared }
    }

    /// The base URL to configure.
    #[must_use]
    pub fn base_url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}/v1", self.address)
    }

    /// Answers otherwise from now on.
    pub fn change(&self, answering: impl Fn(&Received) -> Script + Send + Sync + 'static) {
        *self.shared.answering.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Box::new(answering));
    }

    /// Everything that was asked so far, in the order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received().clone()
    }

    /// The requests whose bodies are all there.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.shared.received().iter().filter(|received| received.whole).count()
    }

    /// The only request so far, whole.
    ///
    /// # Panics
    /// When there are others.
    #[must_use]
    pub fn only(&self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "the teacher should have been asked once: {received:#?}");
        received.into_iter().next().unwrap()
    }

    /// Waits until request number `at` arrived as `so`.
    pub fn eventually(&self, at: usize, what: &str, so: impl Fn(&Received) -> bool) -> Received {
        eventually(what, || self.received().get(at).filter(|received| so(received)).cloned())
    }
}

impl Drop for ScriptedTeacher {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Wakes the accepting thread; it is gone already when nobody answers.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn received(&self) -> std::sync::MutexGuard<'_, Vec<Received>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One connection, request after request, until one side ends it.
    fn converse(&self, stream: TcpStream, tls: Option<Arc<rustls::ServerConfig>>) {
        stream.set_nodelay(true).unwrap();
        let mut peer = Peer::new(stream, tls);
        while let Some(at) = self.read_request(&mut peer) {
            let request = self.received().get(at).cloned().unwrap_or_default();
            let answering = self.answering.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if !peer.play(answering(&request)) {
                self.received()[at].abandoned = peer.left;
                return;
            }
        }
    }

    /// Records a request as it comes in; its place in the record once it is whole.
    fn read_request(&self, peer: &mut Peer) -> Option<usize> {
        let head = peer.read_until(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&head).trim_end().to_owned();
        let at = {
            let mut received = self.received();
            received.push(Received { head, ..Received::default() });
            received.len() - 1
        };
        let header = |name| self.received()[at].header(name).map(str::to_owned);
        let chunked = header("transfer-encoding").is_some_and(|value| value.contains("chunked"));
        let mut left: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        loop {
            let piece = if chunked {
                let size = peer.read_until(b"\r\n")?;
                let size = usize::from_str_radix(String::from_utf8_lossy(&size).trim(), 16).unwrap();
                let mut piece = peer.read_up_to(size, true)?;
                drop(peer.read_until(b"\r\n")?);
                piece.truncate(size);
                piece
            } else {
                peer.read_up_to(left, false)?
            };
            left -= piece.len().min(left);
            let ended = if chunked { piece.is_empty() } else { left == 0 };
            let mut received = self.received();
            received[at].body.extend_from_slice(&piece);
            if ended {
                received[at].whole = true;
                return Some(at);
            }
        }
    }
}

trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

/// The other end of a connection.
struct Peer {
    stream: Box<dyn ReadWrite>,
    /// The same socket, to look whether anybody is there.
    socket: TcpStream,
    buffer: Vec<u8>,
    /// When it was seen that the peer is gone.
    left: Option<Instant>,
}

impl Peer {
    fn new(socket: TcpStream, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let plain = socket.try_clone().unwrap();
        let stream: Box<dyn ReadWrite> = match tls {
            None => Box::new(plain),
            Some(config) => Box::new(rustls::StreamOwned::new(rustls::ServerConnection::new(config).unwrap(), plain)),
        };
        Self { stream, socket, buffer: Vec::new(), left: None }
    }

    /// Whether there was more to read.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 16 << 10];
        let count = self.stream.read(&mut bytes).unwrap_or(0);
        self.buffer.extend_from_slice(&bytes[..count]);
        count > 0
    }

    /// The bytes up to `end` and `end` itself.
    fn read_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return Some(self.buffer.drain(..at + end.len()).collect());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// At most `count` bytes: all of them, or at least one.
    fn read_up_to(&mut self, count: usize, all: bool) -> Option<Vec<u8>> {
        while self.buffer.len() < if all { count } else { count.min(1) } {
            if !self.fill() {
                return None;
            }
        }
        Some(self.buffer.drain(..count.min(self.buffer.len())).collect())
    }

    /// Plays a script; false when the connection is over.
    fn play(&mut self, script: Script) -> bool {
        for step in script {
            let goes_on = match step {
                Step::Send(bytes) => {
                    let sent = self.stream.write_all(&bytes).and_then(|()| self.stream.flush());
                    self.goes_on(sent.is_ok())
                }
                Step::Wait(gate) => self.wait(&|| gate.is_open()),
                Step::Open(gate) => {
                    gate.open();
                    true
                }
                Step::Hang => self.wait(&|| false),
                Step::Cut => {
                    // The peer may have gone first.
                    self.socket.shutdown(Shutdown::Both).unwrap_or_default();
                    false
                }
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// Waits for `ready`; false when the peer left before.
    fn wait(&mut self, ready: &dyn Fn() -> bool) -> bool {
        self.socket.set_read_timeout(Some(LOOK_EVERY)).unwrap();
        let here = loop {
            if ready() {
                break true;
            }
            match self.socket.peek(&mut [0; 1]) {
                Ok(0) => break false,
                // More bytes than expected: not our business here.
                Ok(_) => thread::sleep(LOOK_EVERY),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break false,
            }
        };
        self.socket.set_read_timeout(None).unwrap();
        self.goes_on(here)
    }

    /// Remembers when the peer was not there any more.
    fn goes_on(&mut self, here: bool) -> bool {
        if !here {
            self.left = Some(Instant::now());
        }
        here
    }
}
