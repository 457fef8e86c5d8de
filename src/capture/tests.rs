use std::sync::Arc;

use callsite::SiteId;
use telemetry::Metrics;
use uuid::{NoContext, Timestamp, Uuid};

use crate::segments::SegmentLimits;
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

#[test]
fn exchanges_come_back_by_site_in_order_across_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Segments::open(dir.path(), LIMITS).unwrap();
        store.append(&[exchange("a", 100, 1), exchange("ab", 101, 2)]).unwrap();
        store.append(&[exchange("a", 120, 3)]).unwrap();
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    let store = Segments::open(dir.path(), LIMITS).unwrap();
    assert_eq!(requests(&store, "a", None), ["request 1", "request 3"]);
    assert_eq!(requests(&store, "a", Some(id(100, 1))), ["request 3"]);
    assert_eq!(store.count(&SiteId::new("ab").unwrap(), None).unwrap(), 1);
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

/// A store that refuses to write, to see what the writer makes of it.
struct Broken;

impl CaptureStore for Broken {
    fn append(&self, _: &[Exchange]) -> Result<usize, CaptureError> {
        Err(CaptureError::Record("disk full".into()))
    }
    fn scan(&self, _: &SiteId, _: Option<Uuid>, _: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        Ok(())
    }
    fn count(&self, _: &SiteId, _: Option<Uuid>) -> Result<u64, CaptureError> {
        Ok(0)
    }
    fn sites(&self) -> Result<std::collections::BTreeSet<SiteId>, CaptureError> {
        Ok([].into())
    }
}

#[test]
fn what_was_queued_is_on_disk_when_the_writer_has_finished() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Segments::open(dir.path(), LIMITS).unwrap());
    let metrics = Arc::new(Metrics::new().unwrap());
    let (capture, writer) = Writer::start(store.clone(), metrics.clone()).unwrap();
    (0..300).for_each(|n| capture.keep(exchange("a", 100, n)));
    writer.finish();
    assert_eq!(requests(store.as_ref(), "a", None).len(), 300);
    assert_eq!((metrics.captured.get(), metrics.capture_queue.get()), (300, 0));
}

#[test]
fn a_write_error_stops_capture_and_is_counted_but_blocks_nobody() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let (capture, writer) = Writer::start(Arc::new(Broken), metrics.clone()).unwrap();
    capture.keep(exchange("a", 100, 1));
    writer.finish();
    (0..10_000).for_each(|n| capture.keep(exchange("a", 100, n)));
    assert_eq!(metrics.capture_poisoned.get(), 1);
    assert_eq!(metrics.capture_dropped.with_label_values(&["stopped"]).get(), 10_000);
}
