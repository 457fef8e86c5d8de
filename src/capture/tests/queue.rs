use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use telemetry::Metrics;

use super::{SiteId, Uuid, exchange, open, open_with, requests, segments};
use crate::limits::{EXCHANGE_BYTES_MAX, RETRY_PAUSE};
use crate::writer::group_max;
use crate::*;

const SETTINGS: WriterSettings = WriterSettings { queue_bytes_max: 64 << 20, retry_pause: RETRY_PAUSE };

/// A store that keeps nothing: it refuses, or makes the writer wait, while it is told to.
#[derive(Default)]
struct Scripted {
    full: AtomicBool,
    slow: AtomicBool,
    entered: AtomicBool,
    kept: AtomicUsize,
}

impl CaptureStore for Scripted {
    fn append(&self, exchanges: Vec<Exchange>) -> Result<Appended, CaptureError> {
        self.entered.store(true, Ordering::SeqCst);
        while self.slow.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.full.load(Ordering::SeqCst) {
            return Err(CaptureError::Packing("disk full".into()));
        }
        self.kept.fetch_add(exchanges.len(), Ordering::SeqCst);
        Ok(Appended { kept: exchanges.len() as u64, ..Appended::default() })
    }
    fn scan(&self, _: &SiteId, _: Option<Uuid>, _: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        Ok(())
    }
    fn sites(&self) -> Result<BTreeSet<SiteId>, CaptureError> {
        Ok([].into())
    }
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..2000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never: {what}");
}

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new().unwrap())
}

/// What a process that opens the files as they lie there now would find.
fn on_disk(dir: &std::path::Path) -> Vec<String> {
    let copy = tempfile::tempdir().unwrap();
    for segment in segments(dir) {
        let to = copy.path().join(segment.file_name().unwrap());
        std::fs::create_dir(&to).unwrap();
        for file in std::fs::read_dir(&segment).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
    }
    requests(&open(copy.path()), "a", None)
}

#[test]
fn what_was_counted_as_captured_is_in_the_files_while_the_store_is_still_open() {
    let dir = tempfile::tempdir().unwrap();
    let (store, metrics) = (Arc::new(open(dir.path())), metrics());
    let (capture, writer) = Writer::start(store.clone(), metrics.clone(), SETTINGS).unwrap();
    (0..300).for_each(|n| capture.keep(exchange("a", 100, n)));
    writer.finish();
    assert_eq!(on_disk(dir.path()).len(), 300);
    assert_eq!((metrics.captured_total().get(), metrics.capture_queue_length().get()), (300, 0.0));
    assert_eq!(metrics.capture_queue_bytes().get(), 0.0);
    assert!(metrics.capture_flush_seconds().get_sample_count() > 0);
    drop(store);
}

#[test]
fn the_queue_is_bounded_in_bytes_and_what_is_being_written_counts() {
    let (store, metrics) = (Arc::new(Scripted::default()), metrics());
    store.slow.store(true, Ordering::SeqCst);
    let settings = WriterSettings { queue_bytes_max: 4 << 20, ..SETTINGS };
    let (capture, writer) = Writer::start(store.clone(), metrics.clone(), settings).unwrap();
    let large = |n| Exchange { response: "x".repeat(600 << 10), ..exchange("a", 100, n) };
    // However long it goes on, six of them have room.
    for n in 0..200 {
        capture.keep(large(n));
        std::thread::sleep(Duration::from_micros(300));
    }
    assert_eq!(metrics.capture_dropped_total("queue-bytes").get(), 194);
    store.slow.store(false, Ordering::SeqCst);
    wait_until("the queue is empty", || store.kept.load(Ordering::SeqCst) == 6);
    wait_until("there is room again", || {
        capture.keep(large(0));
        store.kept.load(Ordering::SeqCst) > 6
    });
    writer.finish();
}

#[test]
fn what_cannot_be_stored_gets_no_place_and_a_place_unused_is_given_back() {
    let (store, metrics) = (Arc::new(Scripted::default()), metrics());
    store.slow.store(true, Ordering::SeqCst);
    let settings = WriterSettings { queue_bytes_max: 2 << 20, ..SETTINGS };
    let (capture, writer) = Writer::start(store.clone(), metrics.clone(), settings).unwrap();
    assert!(capture.place(EXCHANGE_BYTES_MAX + 1).is_none());
    assert_eq!(metrics.capture_dropped_total("too-large").get(), 1);
    for _ in 0..1000 {
        drop(capture.place(EXCHANGE_BYTES_MAX).unwrap());
    }
    assert_eq!(metrics.capture_dropped_total("queue-bytes").get(), 0);
    store.slow.store(false, Ordering::SeqCst);
    writer.finish();
}

#[test]
fn the_queue_is_bounded_in_exchanges() {
    let (store, metrics) = (Arc::new(Scripted::default()), metrics());
    store.slow.store(true, Ordering::SeqCst);
    let (capture, writer) = Writer::start(store.clone(), metrics.clone(), SETTINGS).unwrap();
    (0..limits::QUEUE_MAX as u64 + 10).for_each(|n| capture.keep(exchange("a", 100, n)));
    assert_eq!(metrics.capture_dropped_total("queue-full").get(), 10);
    store.slow.store(false, Ordering::SeqCst);
    writer.finish();
    assert_eq!(metrics.captured_total().get(), limits::QUEUE_MAX as u64);
}

#[test]
fn a_write_error_stops_capturing_blocks_nobody_and_is_over_when_there_is_room() {
    let (store, metrics) = (Arc::new(Scripted::default()), metrics());
    store.full.store(true, Ordering::SeqCst);
    let settings = WriterSettings { retry_pause: Duration::from_millis(50), ..SETTINGS };
    let (capture, writer) = Writer::start(store.clone(), metrics.clone(), settings).unwrap();
    capture.keep(exchange("a", 100, 1));
    wait_until("the error is noticed", || metrics.capture_stopped().get() == 1.0);
    assert_eq!(metrics.capture_dropped_total("write-error").get(), 1);
    (0..10_000).for_each(|n| capture.keep(exchange("a", 100, n)));
    assert!(metrics.capture_dropped_total("stopped").get() > 0);
    store.full.store(false, Ordering::SeqCst);
    wait_until("capturing goes on", || {
        capture.keep(exchange("a", 100, 2));
        metrics.capture_stopped().get() == 0.0
    });
    writer.finish();
    assert!(store.kept.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_disk_with_too_little_room_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open_with(dir.path(), SegmentLimits { free_bytes_min: u64::MAX, ..SegmentLimits::NONE }));
    let metrics = metrics();
    let (capture, writer) = Writer::start(store.clone(), metrics.clone(), SETTINGS).unwrap();
    capture.keep(exchange("a", 100, 1));
    wait_until("it is noticed", || metrics.capture_dropped_total("no-room").get() == 1);
    assert_eq!(metrics.capture_stopped().get(), 1.0);
    writer.finish();
    assert_eq!(segments(dir.path()).len(), 0);
    let error = store.append(vec![exchange("a", 100, 1)]).unwrap_err().to_string();
    assert!(error.contains("capture.free_mb_min"), "{error}");
}

#[test]
fn who_flushes_waits_for_what_was_queued_before_and_for_nothing_else() {
    let (store, metrics) = (Arc::new(Scripted::default()), metrics());
    store.slow.store(true, Ordering::SeqCst);
    let (capture, writer) = Writer::start(store.clone(), metrics, SETTINGS).unwrap();
    capture.flush();
    (0..3).for_each(|n| capture.keep(exchange("a", 100, n)));
    let (flushing, seen) = (capture.clone(), store.clone());
    let flushed = std::thread::spawn(move || {
        flushing.flush();
        seen.kept.load(Ordering::SeqCst)
    });
    wait_until("the writer writes", || store.entered.load(Ordering::SeqCst));
    store.slow.store(false, Ordering::SeqCst);
    assert_eq!(flushed.join().unwrap(), 3);
    // What is lost to a full disk is waited for no longer, nor what nobody writes.
    store.full.store(true, Ordering::SeqCst);
    capture.keep(exchange("a", 100, 4));
    capture.flush();
    writer.finish();
    capture.keep(exchange("a", 100, 5));
    capture.flush();
}

#[test]
fn in_a_rush_the_half_is_written_while_the_other_half_is_answered() {
    let ms = Duration::from_millis;
    // Nobody hurries: what came in a while is one commit, however much it is.
    assert_eq!([1, 199, 200, 1024].map(|waiting| group_max(waiting, ms(25))), [limits::BATCH_MAX; 4]);
    assert_eq!(group_max(199, ms(1)), limits::BATCH_MAX, "a few are written together");
    assert_eq!([200, 255, 256, 2047].map(|waiting| group_max(waiting, ms(24))), [100, 128, 128, 1024]);
    assert_eq!(group_max(limits::QUEUE_MAX, ms(1)), limits::BATCH_MAX, "a commit is bounded all the same");
}
