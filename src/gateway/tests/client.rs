//! A client of the gateway: HTTP/1.1 by hand, so that nothing is made right on the way.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;

/// A request that anybody may answer.
pub(super) const QUESTION: &str = r#"{"model":"gpt","messages":[{"role":"user","content":"Is the shop open?"}]}"#;
/// The same, answered as a stream with its usage.
pub(super) const STREAMED: &str = r#"{"model":"gpt","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Is the shop open?"}]}"#;

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
    /// The body came to its end.
    pub(super) whole: bool,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn route(&self) -> &str {
        self.header("x-apprentice-route")
    }

    pub(super) fn reason(&self) -> &str {
        self.header("x-apprentice-reason")
    }

    pub(super) fn id(&self) -> &str {
        self.header("x-apprentice-request-id")
    }

    /// What the assistant says in a whole answer.
    pub(super) fn text(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }
}

/// Sends a request and leaves the connection open: dropping it is leaving.
pub(super) fn begin(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> TcpStream {
    let (mut stream, body) = (TcpStream::connect(to).unwrap(), body.as_ref());
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str("connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    stream
}

/// The answer to what was begun, to its end.
pub(super) fn end(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no whole head: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> =
        lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
    let (body, whole) = match headers.get("content-length") {
        Some(length) => (body.to_owned(), body.len().to_string() == *length),
        None => unchunked(body),
    };
    Reply { status, headers, body, whole }
}

/// The data of a chunked body and whether its last chunk came.
fn unchunked(mut rest: &str) -> (String, bool) {
    let mut data = String::new();
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (data, true);
        }
        let Some(chunk) = tail.get(..size) else { break };
        data.push_str(chunk);
        rest = tail.get(size + 2..).unwrap_or_default();
    }
    (data, false)
}
