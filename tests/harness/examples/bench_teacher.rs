//! The teacher of `make bench-gateway`: answers every request with the same completion, whole or as 21 events, as fast as it can.
//!
//! `cargo run --release --example bench_teacher -- ADDRESS`. A thread for each connection, no checks: it must not be what is measured.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for a benchmark")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const EVENTS: usize = 21;

fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address).unwrap();
    println!("{}", listener.local_addr().unwrap());
    for stream in listener.incoming().flatten() {
        stream.set_nodelay(true).unwrap();
        // That the other side has left is its own affair.
        thread::spawn(move || serve(stream).unwrap_or_default());
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let (whole, events) = (whole(), events());
    let mut heard: Vec<u8> = Vec::new();
    let mut piece = [0; 64 << 10];
    loop {
        let Some(bytes) = request_bytes(&heard) else {
            let read = stream.read(&mut piece)?;
            if read == 0 {
                return Ok(());
            }
            heard.extend_from_slice(&piece[..read]);
            continue;
        };
        let streams = heard[..bytes].windows(13).any(|window| window == b"\"stream\":true");
        heard.drain(..bytes);
        if streams {
            // One write an event: that is how they come.
            events.iter().try_for_each(|event| stream.write_all(event))?;
        } else {
            stream.write_all(&whole)?;
        }
    }
}

/// How many bytes the first request has, once all of it was heard.
fn request_bytes(heard: &[u8]) -> Option<usize> {
    let head = heard.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&heard[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let bytes = head + length.map_or(0, |length| length.trim().parse().unwrap());
    (heard.len() >= bytes).then_some(bytes)
}

fn whole() -> Vec<u8> {
    let body = r#"{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1741569952,"model":"gpt-5-mini-2025-08-07","choices":[{"index":0,"message":{"role":"assistant","content":"A coil of rope is 4 gold, traveller, and it has never let a climber down.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":190,"completion_tokens":17,"total_tokens":207,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},"service_tier":"default"}"#;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\nopenai-processing-ms: 1\r\nx-ratelimit-remaining-requests: 9999\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

fn events() -> Vec<Vec<u8>> {
    let chunk = |delta: &str, finish: &str| {
        let event = format!(
            "data: {{\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\"created\":1741570283,\"model\":\"gpt-5-mini-2025-08-07\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_10c08bf97d\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}],\"obfuscation\":\"a1b2c3d4\"}}\n\n"
        );
        format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
    };
    let mut events = vec![
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req_1\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
        chunk(r#"{"role":"assistant","content":"","refusal":null}"#, "null"),
    ];
    events.extend((0..EVENTS - 3).map(|number| chunk(&format!(r#"{{"content":" word{number}"}}"#), "null")));
    events.push(chunk("{}", "\"stop\""));
    events.push(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n".to_vec());
    events
}
