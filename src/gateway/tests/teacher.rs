//! A teacher that follows a script: a thread that speaks HTTP/1.1, one request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

/// What the teacher does with a request.
#[derive(Clone, Debug)]
pub(super) enum Teaches {
    /// Answers whole, with this status.
    Whole(u16, Vec<u8>),
    /// Answers with an event stream of these events.
    Stream(Vec<String>),
    /// Begins a stream and sends nothing more until the other side leaves.
    Stalls(String),
    /// Begins a stream and closes the connection.
    BreaksOff(String),
    /// The same of a stream that says it is packed.
    BreaksOffPacked(String),
    /// Begins a plain answer and closes the connection.
    CutShort(String),
    /// Answers with what is packed so.
    Packed(String, Vec<u8>),
    /// Answers with an id of its own.
    Identified(String),
    /// Reads the request and sends nothing until the other side leaves.
    Silent,
    /// Reads the request and closes the connection.
    HangsUp,
}

impl Teaches {
    /// A plain answer in OpenAI's shape.
    pub(super) fn text(text: &str) -> Self {
        Self::message(&serde_json::json!({"role": "assistant", "content": text}), "stop")
    }

    /// An answer of one message.
    pub(super) fn message(message: &serde_json::Value, finish: &str) -> Self {
        let body = serde_json::json!({
            "id": "t", "object": "chat.completion", "model": "gpt-teacher",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 5},
        });
        Self::Whole(200, body.to_string().into_bytes())
    }

    /// A plain answer as a stream.
    pub(super) fn stream(text: &str) -> Self {
        let event = |value: serde_json::Value| format!("data: {value}\n\n");
        Self::Stream(vec![
            event(serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})),
            event(serde_json::json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})),
            event(serde_json::json!({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 5}})),
            "data: [DONE]\n\n".into(),
        ])
    }
}

/// A request as it reached the teacher.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Request line and headers, in small letters.
    pub(super) head: String,
    pub(super) body: String,
    /// The body as it came.
    pub(super) bytes: Vec<u8>,
}

/// The teacher and what it was asked.
#[derive(Clone)]
pub(super) struct ScriptedTeacher {
    pub(super) address: SocketAddr,
    script: Arc<Mutex<Teaches>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    left: Arc<Mutex<usize>>,
}

impl ScriptedTeacher {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let teacher = Self {
            address: listener.local_addr().unwrap(),
            script: Arc::new(Mutex::new(Teaches::text("yes"))),
            asked: Arc::default(),
            left: Arc::default(),
        };
        let serving = teacher.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let teacher = serving.clone();
                thread::spawn(move || teacher.answer(stream.unwrap()));
            }
        });
        teacher
    }

    /// From now on.
    pub(super) fn does(&self, script: Teaches) {
        *self.script.lock() = script;
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    /// How often the other side left before the answer's end.
    pub(super) fn left(&self) -> usize {
        *self.left.lock()
    }

    fn answer(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let Some(asked) = read_request(&mut reader) else { return };
        let script = self.script.lock().clone();
        self.asked.lock().push(asked);
        let unfinished = matches!(script, Teaches::Stalls(_) | Teaches::Silent);
        // That the other side has left is no fault of the teacher.
        play(script, stream).unwrap_or_default();
        if unfinished && reader.read(&mut [0]).unwrap_or_default() == 0 {
            *self.left.lock() += 1;
        }
    }
}

/// `None` when the connection carries no request.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { head, body: String::from_utf8_lossy(&body).into_owned(), bytes: body })
}

fn play(script: Teaches, mut stream: TcpStream) -> std::io::Result<()> {
    const STREAM: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
    match script {
        Teaches::Whole(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nx-teacher: seen\r\nkeep-alive: 9\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(&body)?;
        }
        Teaches::Stream(events) => {
            stream.write_all(STREAM.as_bytes())?;
            events.iter().try_for_each(|event| stream.write_all(chunk(event).as_bytes()))?;
            stream.write_all(b"0\r\n\r\n")?;
        }
        Teaches::Stalls(event) => {
            stream.write_all(STREAM.as_bytes())?;
            return stream.write_all(chunk(&event).as_bytes());
        }
        Teaches::BreaksOff(event) => {
            stream.write_all(STREAM.as_bytes())?;
            stream.write_all(chunk(&event).as_bytes())?;
        }
        Teaches::BreaksOffPacked(event) => {
            stream.write_all(STREAM.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n").as_bytes())?;
            stream.write_all(chunk(&event).as_bytes())?;
        }
        Teaches::CutShort(body) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len() + 9);
            stream.write_all(head.as_bytes())?;
            stream.write_all(body.as_bytes())?;
        }
        Teaches::Packed(coding, body) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(&body)?;
        }
        Teaches::Identified(id) => {
            let head =
                format!("HTTP/1.1 200 OK\r\nx-request-id: {id}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
            stream.write_all(head.as_bytes())?;
        }
        Teaches::Silent => return Ok(()),
        Teaches::HangsUp => {}
    }
    stream.shutdown(std::net::Shutdown::Both)
}
