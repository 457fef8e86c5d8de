//! Server-sent events as OpenAI uses them: `data: <json>\n\n`, ended by `data: [DONE]\n\n`; with a name before the data and without
//! that end in Responses.
//!
//! The reader accepts any chunking of the bytes, `\n`, `\r\n` and `\r` line ends, comments and
//! multi-line data (WHATWG HTML, section 9.2.6). It never touches what is forwarded to the client.

use std::mem;

/// Longest single event that is read; a longer one is reported once and skipped.
pub const EVENT_BYTES_MAX: usize = 1 << 20;

/// An incremental event reader.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_cr: bool,
    overflowed: bool,
}

impl Reader {
    /// Feeds `bytes` and calls `on_data` with the data of each event that they complete.
    pub fn push(&mut self, bytes: &[u8], mut on_data: impl FnMut(&[u8])) {
        for &byte in bytes {
            let follows_cr = mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => self.end_line(&mut on_data),
                _ if self.line.len() + self.data.len() >= EVENT_BYTES_MAX => self.overflowed = true,
                _ => self.line.push(byte),
            }
        }
    }

    /// Whether an event was longer than [`EVENT_BYTES_MAX`]; what was read of the stream is then incomplete.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    fn end_line(&mut self, on_data: &mut impl FnMut(&[u8])) {
        if self.line.is_empty() {
            if mem::take(&mut self.has_data) {
                on_data(&self.data);
            }
            self.data.clear();
            return;
        }
        if let Some(value) = self.line.strip_prefix(b"data") {
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            if mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
        }
        self.line.clear();
    }
}

/// One event with `data`, which must not contain a line end.
#[must_use]
pub fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// The same with a name, as Responses have it.
#[must_use]
pub fn named_event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// What ends a stream of chat completions.
pub const DONE: &str = "data: [DONE]\n\n";
