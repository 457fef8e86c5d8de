use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use callsite::SiteId;
use telemetry::Metrics;
use uuid::{NoContext, Timestamp, Uuid};

use crate::segments::SegmentLimits;
use crate::writer::RETRY_PAUSE;
use crate::*;

const LIMITS: SegmentLimits = SegmentLimits { bytes_max: 1 << 30, age_ms_max: 10_000, retention_ms: 20_000 };

fn id(at_s: u64, n: u64) -> Uuid {
    let mut bytes = *Uuid::new_v7(Timestamp::from_unix(NoContext, at_s, 0)).as_bytes();
    // The rest of a version 7 id is random: make it the number.
    bytes[6..8].copy_from_slice(&[0x70, 0]);
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Uuid::from_bytes(bytes)
}

fn exchange(site: &str, at_s: u64, n: u64) -> Exchange {
    Exchange {
        id: id(at_s, n),
        site: SiteId::new(site).unwrap(),
        at_ms: at_s * 1000,
        api: wire::Api::Chat,
        source: Source::Teacher,
        status: 200,
        stream: false,
        complete: true,
        retry: false,
        distillable: Distillable::Yes,
        request: format!("request {n}"),
        response: "response ".repeat(50),
    }
}

fn requests(store: &dyn CaptureStore, site: &str, after: Option<Uuid>) -> Vec<String> {
    let mut seen = Vec::new();
    store.scan(&SiteId::new(site).unwrap(), after, &mut |exchange| seen.push(exchange.request)).unwrap();
    seen
}

fn segments(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

#[test]
fn a_log_is_one_process_s_even_while_it_has_no_segment() {
    let dir = tempfile::tempdir().unwrap();
    let held = Segments::open(dir.path(), LIMITS).unwrap();
    let second = Segments::open(dir.path(), LIMITS);
    assert!(matches!(second, Err(CaptureError::Store(store::StoreError::InUse(_)))), "{second:?}");
    drop(held);
    Segments::open(dir.path(), LIMITS).unwrap();
}

#[test]
fn exchanges_come_back_by_site_in_order_across_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Segments::open(dir.path(), LIMITS).unwrap();
        store.append(&[exchange("a", 100, 1), exchange("ab", 101, 2)]).unwrap();
        store.append(&[exchange("a", 120, 3)]).unwrap();
    }
    assert_eq!(segments(dir.path()).len(), 2);
    let store = Segments::open(dir.path(), LIMITS).unwrap();
    assert_eq!(requests(&store, "a", None), ["request 1", "request 3"]);
    assert_eq!(requests(&store, "a", Some(id(100, 1))), ["request 3"]);
    assert_eq!(requests(&store, "ab", None).len(), 1);
    assert_eq!(store.sites().unwrap(), ["a", "ab"].map(|name| SiteId::new(name).unwrap()).into());
}

#[test]
fn retention_removes_whole_old_segments_and_never_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let store = Segments::open(dir.path(), LIMITS).unwrap();
    store.append(&[exchange("a", 100, 1)]).unwrap();
    store.append(&[exchange("a", 120, 2)]).unwrap();
    store.expire(130_000).unwrap();
    assert_eq!(requests(&store, "a", None).len(), 2);
    store.expire(1_000_000).unwrap();
    assert_eq!(requests(&store, "a", None), ["request 2"]);
}

#[test]
fn an_exchange_too_large_to_keep_is_skipped_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = Segments::open(dir.path(), LIMITS).unwrap();
    // Digits of a simple generator: text that does not compress below the limit.
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(33 + u8::try_from(state >> 58).unwrap())
    });
    let large = Exchange { response: noise.take(600_000).collect(), ..exchange("a", 100, 1) };
    assert_eq!(store.append(&[large, exchange("a", 100, 2)]).unwrap(), 1);
    assert_eq!(requests(&store, "a", None), ["request 2"]);
}

/// A store that refuses to write while it is told to, to see what the writer makes of it.
#[derive(Default)]
struct Full {
    full: AtomicBool,
    kept: AtomicUsize,
}

impl CaptureStore for Full {
    fn append(&self, exchanges: &[Exchange]) -> Result<usize, CaptureError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(CaptureError::Record("disk full".into()));
        }
        self.kept.fetch_add(exchanges.len(), Ordering::SeqCst);
        Ok(0)
    }
    fn scan(&self, _: &SiteId, _: Option<Uuid>, _: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        Ok(())
    }
    fn sites(&self) -> Result<std::collections::BTreeSet<SiteId>, CaptureError> {
        Ok([].into())
    }
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
    requests(&Segments::open(copy.path(), LIMITS).unwrap(), "a", None)
}

#[test]
fn what_was_counted_as_captured_is_in_the_files_while_the_store_is_still_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Segments::open(dir.path(), LIMITS).unwrap());
    let metrics = Arc::new(Metrics::new().unwrap());
    let (capture, writer) = Writer::start(store.clone(), metrics.clone(), RETRY_PAUSE).unwrap();
    (0..300).for_each(|n| capture.keep(exchange("a", 100, n)));
    writer.finish();
    assert_eq!(on_disk(dir.path()).len(), 300);
    assert_eq!((metrics.captured_total().get(), metrics.capture_queue_length().get()), (300, 0.0));
    drop(store);
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

#[test]
fn a_write_error_stops_capturing_blocks_nobody_and_is_over_when_there_is_room() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let store = Arc::new(Full::default());
    store.full.store(true, Ordering::SeqCst);
    let (capture, writer) = Writer::start(store.clone(), metrics.clone(), Duration::from_millis(50)).unwrap();
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
fn a_segment_that_cannot_be_opened_costs_no_other_and_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = Segments::open(dir.path(), LIMITS).unwrap();
    store.append(&[exchange("a", 100, 1)]).unwrap();
    drop(store);
    // A plain file where a segment's folder should be: nothing that the store could repair.
    let odd = dir.path().join(format!("segment-{}", id(50, 0)));
    std::fs::write(&odd, "not a folder").unwrap();
    let store = Segments::open(dir.path(), LIMITS).unwrap();
    assert_eq!(requests(&store, "a", None), ["request 1"]);
}
