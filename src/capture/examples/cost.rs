//! What capturing costs: CPU of the serving thread and of the whole process for one exchange of 1.6 KB in and 1.7 KB out, and
//! acknowledged exchanges a second against plain sled with `fdatasync`, 256 of them waiting. Prints one JSON object a row.
//!
//! `cargo run --release -p capture --example cost [exchanges] [acknowledged]`; with the word only what is acknowledged is measured.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a program that measures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use callsite::SiteId;
use capture::{CaptureStore, Distillable, Exchange, Redactor, SegmentLimits, Segments, Source, Writer, WriterSettings};
use store::{Put, Store};
use telemetry::Metrics;
use uuid::Uuid;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;
/// A disk's mood is the larger part of what is acknowledged: measured more often, both sides one after the other.
const RATE_ROUNDS: usize = 15;
const WAITERS: u64 = 256;
const SETTINGS: WriterSettings = WriterSettings { queue_bytes_max: 64 << 20, retry_pause: Duration::from_secs(5) };

/// A small generator of numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// English as it comes: runs of words out of a text.
fn prose(random: &mut Random, words: &[&str], bytes: usize) -> String {
    let mut text = String::new();
    while text.len() < bytes {
        let at = random.next() as usize % (words.len() - 4);
        words[at..at + 4].iter().for_each(|word| {
            text.push_str(word);
            text.push(' ');
        });
    }
    text
}

/// Requests and answers of the wire's shape and size, some thousand to choose from.
fn traffic() -> Vec<(String, String)> {
    let text = include_str!("../../../docs/ARCHITECTURE.md");
    let words: Vec<&str> =
        text.split_whitespace().filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic())).collect();
    let mut random = Random(88_172_645_463_325_252);
    let system = prose(&mut random, &words, 900);
    let made = (0..4000).map(|_| {
        let (asked, answered) = (prose(&mut random, &words, 550), prose(&mut random, &words, 1350));
        let request = format!(
            r#"{{"model":"gpt-5-mini","messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"{asked}"}}],"max_tokens":200}}"#
        );
        let response = format!(
            r#"{{"id":"chatcmpl-{:016x}","object":"chat.completion","created":1760000000,"model":"gpt-5-mini-2025-08-07","choices":[{{"index":0,"message":{{"role":"assistant","content":"{answered}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":411,"completion_tokens":{},"total_tokens":700}}}}"#,
            random.next(),
            random.next() % 900,
        );
        (request, response)
    });
    made.collect()
}

fn exchange(site: &SiteId, texts: (String, String)) -> Exchange {
    Exchange {
        id: Uuid::now_v7(),
        site: site.clone(),
        at_ms: 1,
        api: wire::Api::Chat,
        source: Source::Teacher,
        status: 200,
        stream: false,
        complete: true,
        retry: false,
        distillable: Distillable::Yes,
        user: None,
        redacted: false,
        request: texts.0,
        response: texts.1,
    }
}

/// CPU time of every thread but the first so far, microseconds.
fn writing_us() -> f64 {
    let first = std::process::id().to_string();
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap);
    let others = tasks.filter(|task| task.file_name().to_string_lossy() != first);
    let of = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
    let ns = others.map(|task| of(task).split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0));
    ns.sum::<f64>() / 1e3
}

struct Row {
    name: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

fn add(rows: &mut [Row], values: &[f64]) {
    rows.iter_mut().zip(values).for_each(|(row, value)| row.values.push(*value));
}

fn print(rows: &[Row]) {
    for Row { name, unit, values } in rows {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
        let value = sorted[sorted.len() / 2];
        println!(r#"{{"name":"{name}","value":{value:.2},"unit":"{unit}","range":[{low:.2},{high:.2}]}}"#);
    }
}

/// CPU of serving and of writing, microseconds an exchange; stored bytes an exchange.
fn paced(traffic: &[(String, String)], exchanges: usize, per_ms: usize) -> (f64, f64, f64) {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Segments::open(dir.path(), SegmentLimits::NONE, Redactor::new(&[]).unwrap()).unwrap());
    let metrics = Arc::new(Metrics::new().unwrap());
    let (capture, writer) = Writer::start(store.clone(), metrics.clone(), SETTINGS).unwrap();
    let site = SiteId::new("shopkeeper").unwrap();
    let (mut serving, before) = (Duration::ZERO, writing_us());
    for chunk in 0..exchanges / per_ms {
        let began = Instant::now();
        for number in 0..per_ms {
            let (request, response) = &traffic[(chunk * per_ms + number) % traffic.len()];
            if let Some(place) = capture.place(request.len() + response.len()) {
                let text = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().to_owned();
                place.fill(exchange(&site, (text(request.as_bytes()), text(response.as_bytes()))));
            }
        }
        serving += began.elapsed();
        std::thread::sleep(Duration::from_millis(1));
    }
    // Some are still to be written: a share that a longer run makes small.
    let used = writing_us();
    writer.finish();
    let kept = metrics.captured_total().get() as f64;
    assert_eq!(kept as usize, exchanges / per_ms * per_ms, "some were dropped");
    let stored: u64 = store.overview().unwrap().sites.values().map(|site| site.stored_bytes).sum();
    (serving.as_secs_f64() * 1e6 / kept, (used - before) / kept, stored as f64 / kept)
}

/// Acknowledged exchanges a second through the writer.
fn acknowledged(traffic: &[(String, String)], exchanges: u64) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Segments::open(dir.path(), SegmentLimits::NONE, Redactor::new(&[]).unwrap()).unwrap());
    let metrics = Arc::new(Metrics::new().unwrap());
    let (capture, writer) = Writer::start(store, metrics.clone(), SETTINGS).unwrap();
    let site = SiteId::new("shopkeeper").unwrap();
    let (began, mut sent) = (Instant::now(), 0);
    while metrics.captured_total().get() < exchanges {
        while sent < exchanges && sent - metrics.captured_total().get() < WAITERS {
            capture.keep(exchange(&site, traffic[sent as usize % traffic.len()].clone()));
            sent += 1;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let rate = exchanges as f64 / began.elapsed().as_secs_f64();
    writer.finish();
    rate
}

/// The same through plain sled: a value an exchange, one flush and `fdatasync` for all that wait.
fn plain(traffic: &[(String, String)], exchanges: u64) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    let site = SiteId::new("shopkeeper").unwrap();
    let began = Instant::now();
    for group in 0..exchanges / WAITERS {
        let puts: Vec<Put<'_>> = (0..WAITERS)
            .map(|number| {
                let exchange = exchange(&site, traffic[(group * WAITERS + number) as usize % traffic.len()].clone());
                let value = serde_json::to_vec(&exchange).unwrap();
                Put { tree: "exchanges", key: exchange.id.as_bytes().to_vec(), value }
            })
            .collect();
        store.write(&puts).unwrap();
    }
    (exchanges / WAITERS * WAITERS) as f64 / began.elapsed().as_secs_f64()
}

fn main() {
    let exchanges: usize = std::env::args().nth(1).map_or(20_000, |count| count.parse().unwrap());
    let traffic = traffic();
    let bytes: usize = traffic.iter().map(|(request, response)| request.len() + response.len()).sum();
    println!(r#"{{"name":"mean texts","value":{},"unit":"bytes"}}"#, bytes / traffic.len());
    let row = |name, unit| Row { name, unit, values: Vec::new() };
    let mut rates = [
        row("acknowledged, 256 waiting", "1/s"),
        row("plain sled + fdatasync, 256 waiting", "1/s"),
        row("acknowledged", "x plain sled"),
    ];
    for _ in 0..RATE_ROUNDS {
        let ours = acknowledged(&traffic, exchanges as u64);
        let sled = plain(&traffic, exchanges as u64);
        add(&mut rates, &[ours, sled, ours / sled]);
    }
    print(&rates);
    if std::env::args().nth(2).is_some() {
        return;
    }
    let mut rows = [
        row("serving thread, 4000/s", "us an exchange"),
        row("writing threads, 4000/s", "us CPU an exchange"),
        row("stored, 4000/s", "bytes an exchange"),
        row("writing threads, 1000/s", "us CPU an exchange"),
    ];
    for _ in 0..ROUNDS {
        let (serving, writing, stored) = paced(&traffic, exchanges, 5);
        let (_, slow, _) = paced(&traffic, exchanges / 4, 1);
        add(&mut rows, &[serving, writing, stored, slow]);
    }
    print(&rows);
    // A log that was sealed: what dictionaries make of it.
    let dir = tempfile::tempdir().unwrap();
    let store = Segments::open(dir.path(), SegmentLimits::NONE, Redactor::new(&[]).unwrap()).unwrap();
    let site = SiteId::new("shopkeeper").unwrap();
    store.append(traffic.iter().map(|texts| exchange(&site, texts.clone())).collect()).unwrap();
    let began = Instant::now();
    store.seal().unwrap();
    let count = traffic.len() as f64;
    println!(r#"{{"name":"sealing {count}","value":{:.3},"unit":"s"}}"#, began.elapsed().as_secs_f64());
    let overview = store.overview().unwrap();
    println!(
        r#"{{"name":"sealed","value":{:.2},"unit":"bytes an exchange on disk"}}"#,
        overview.disk_bytes as f64 / count
    );
}
