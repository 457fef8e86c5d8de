mod block;
mod erase;
mod faults;
mod kills;
mod queue;
mod redact;
mod retention;
mod sealed;

use std::path::{Path, PathBuf};

use callsite::SiteId;
use uuid::{NoContext, Timestamp, Uuid};

use crate::*;

/// A segment of ten seconds, kept for twenty.
fn ten_seconds() -> SegmentLimits {
    SegmentLimits {
        bytes_max: 1 << 30,
        age_ms_max: 10_000,
        retention: Retention { default_ms: 20_000, sites: [].into() },
        ..SegmentLimits::NONE
    }
}

fn site(name: &str) -> SiteId {
    SiteId::new(name).unwrap()
}

fn open_with(dir: &Path, limits: SegmentLimits) -> Segments {
    Segments::open(dir, limits, Redactor::new(&[]).unwrap()).unwrap()
}

fn open(dir: &Path) -> Segments {
    open_with(dir, ten_seconds())
}

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
        user: None,
        redacted: false,
        request: format!("request {n}"),
        response: "response ".repeat(50),
    }
}

fn requests(store: &dyn CaptureStore, site: &str, after: Option<Uuid>) -> Vec<String> {
    let mut seen = Vec::new();
    store.scan(&SiteId::new(site).unwrap(), after, &mut |exchange| seen.push(exchange.request)).unwrap();
    seen
}

/// Everything in the log's folder that is a segment, by name.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("segment-"));
    paths.sort();
    paths
}

/// Letters that no compression makes small.
fn noise(seed: u64, count: usize) -> String {
    let mut state = seed;
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.,"[(state >> 58) as usize])
    });
    letters.take(count).collect()
}

/// Every file below `dir` that holds `needle`.
fn holding(dir: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(holding(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle.as_bytes()) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_log_is_one_process_s_even_while_it_has_no_segment() {
    let dir = tempfile::tempdir().unwrap();
    let held = open(dir.path());
    let second = Segments::open(dir.path(), ten_seconds(), Redactor::new(&[]).unwrap());
    assert!(matches!(second, Err(CaptureError::Store(store::StoreError::InUse(_)))), "{second:?}");
    drop(held);
    open(dir.path());
}

#[test]
fn exchanges_come_back_by_site_in_order_across_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        store.append(vec![exchange("a", 100, 1), exchange("ab", 101, 2)]).unwrap();
        store.append(vec![exchange("a", 120, 3)]).unwrap();
    }
    assert_eq!(segments(dir.path()).len(), 2);
    let store = open(dir.path());
    assert_eq!(requests(&store, "a", None), ["request 1", "request 3"]);
    assert_eq!(requests(&store, "a", Some(id(100, 1))), ["request 3"]);
    assert_eq!(requests(&store, "ab", None).len(), 1);
    assert_eq!(store.sites().unwrap(), ["a", "ab"].map(|name| SiteId::new(name).unwrap()).into());
}

#[test]
fn a_late_exchange_does_not_confuse_the_order_of_segments() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_with(dir.path(), SegmentLimits { bytes_max: 1, ..SegmentLimits::NONE });
    for (at_s, n) in [(100, 1), (90, 2), (80, 3)] {
        store.append(vec![exchange("a", at_s, n)]).unwrap();
    }
    assert_eq!(segments(dir.path()).len(), 3);
    assert_eq!(requests(&store, "a", None), ["request 1", "request 2", "request 3"]);
    assert_eq!(requests(&store, "a", Some(id(85, 0))), ["request 1", "request 2"]);
}

#[test]
fn an_exchange_too_large_to_keep_is_skipped_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let large = Exchange { response: noise(1, 600_000), ..exchange("a", 100, 1) };
    let larger = Exchange { response: "a".repeat(limits::EXCHANGE_BYTES_MAX), ..exchange("a", 100, 3) };
    let appended = store.append(vec![large, exchange("a", 100, 2), larger]).unwrap();
    assert_eq!(appended, Appended { kept: 1, too_large: 2, ..Appended::default() });
    assert_eq!(requests(&store, "a", None), ["request 2"]);
}

#[test]
fn large_exchanges_come_back_whole_and_no_file_holds_them_that_is_not_synced() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let texts: Vec<String> = (0..40).map(|seed| noise(seed, 150_000)).collect();
    for (n, text) in (0..).zip(&texts) {
        store.append(vec![Exchange { response: text.clone(), ..exchange("a", 100, n) }]).unwrap();
    }
    let mut seen = Vec::new();
    store.scan(&site("a"), None, &mut |exchange| seen.push(exchange.response)).unwrap();
    assert!(seen == texts);
    let blobs = segments(dir.path())[0].join("blobs");
    assert_eq!(std::fs::read_dir(blobs).unwrap().count(), 0, "sled's own files for large pages are never synced");
}

#[test]
fn a_segment_that_cannot_be_opened_costs_no_other_and_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![exchange("a", 100, 1)]).unwrap();
    drop(store);
    // A plain file where a segment's folder should be: nothing that the store could repair.
    let odd = dir.path().join(format!("segment-{}", id(50, 0)));
    std::fs::write(&odd, "not a folder").unwrap();
    let store = open(dir.path());
    store.maintain(0, &SiteId::clone).unwrap();
    assert_eq!(requests(&store, "a", None), ["request 1"]);
    assert_eq!(std::fs::read(&odd).unwrap(), b"not a folder");
}

#[test]
fn who_asked_is_known_by_a_hash_that_another_installation_makes_differently() {
    let named = |n, key: &str| Exchange {
        request: format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{key}:"alice"}}"#),
        ..exchange("a", 100, n)
    };
    let hashes = |dir: &Path| {
        let store = open(dir);
        let spaced = [" ", "\n", "\t", "\r\n "].map(|space| format!("\"user\"{space}"));
        let spaced = (4..).zip(&spaced).map(|(n, key)| named(n, key));
        let first = [named(1, "\"user\""), named(2, "\"safety_identifier\" "), exchange("a", 100, 3)];
        store.append(first.into_iter().chain(spaced).collect()).unwrap();
        let mut users = Vec::new();
        store.scan(&site("a"), None, &mut |exchange| users.push(exchange.user)).unwrap();
        users
    };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let found = hashes(one.path());
    let by = |user| found.iter().filter(|found| **found == user).count();
    assert_eq!((found[2], by(found[0]), by(None)), (None, 6, 1), "{found:?}");
    assert_ne!(found[0], hashes(other.path())[0]);
    let salt = std::fs::metadata(one.path().join("user-salt")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&salt.permissions()) & 0o777, 0o600);
}
