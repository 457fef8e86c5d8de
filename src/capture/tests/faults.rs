use std::fs;
use std::path::Path;

use super::{exchange, open, requests, segments};
use crate::{CaptureStore, Exchange, Segments};

const COUNT: u64 = 400;

fn text(n: u64) -> String {
    format!("answer {n} {}", super::noise(n, 300))
}

/// A log with `COUNT` exchanges in one segment, sealed or live; the segment's path.
fn filled(dir: &Path, sealed: bool) {
    let store = open(dir);
    for from in (0..COUNT).step_by(50) {
        let some = (from..from + 50).map(|n| Exchange { response: text(n), ..exchange("a", 100, n) });
        store.append(some.collect()).unwrap();
    }
    if sealed {
        store.seal().unwrap();
    }
}

/// The file that holds the exchanges.
fn data(dir: &Path) -> std::path::PathBuf {
    let segment = segments(dir).remove(0);
    if segment.is_dir() { segment.join("db") } else { segment }
}

/// Opens a damaged log: whatever is read is right; says how many there are.
fn read(dir: &Path) -> (Segments, usize) {
    let store = open(dir);
    let mut seen = 0;
    store
        .scan(&super::site("a"), None, &mut |exchange| {
            let n: u64 = exchange.request.strip_prefix("request ").unwrap().parse().unwrap();
            assert_eq!(exchange.response, text(n));
            seen += 1;
        })
        .unwrap();
    (store, seen)
}

/// Damages copies of a log in a way of the caller's and looks at each: how many exchanges each has left.
fn damaged(sealed: bool, rounds: usize, damage: &dyn Fn(usize, &mut Vec<u8>)) -> Vec<usize> {
    let whole = tempfile::tempdir().unwrap();
    filled(whole.path(), sealed);
    let bytes = fs::read(data(whole.path())).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    (0..rounds)
        .map(|round| {
            let dir = tempfile::tempdir().unwrap();
            filled(dir.path(), sealed);
            let mut changed = bytes[..used].to_vec();
            damage(round, &mut changed);
            changed.resize(
                bytes.len().max(changed.len()).min(if changed.len() < used { changed.len() } else { bytes.len() }),
                0,
            );
            fs::write(data(dir.path()), changed).unwrap();
            let (store, left) = read(dir.path());
            let verified = store.verify().unwrap();
            assert!(
                left == COUNT as usize || !verified.is_whole() || !sealed,
                "round {round}: {left} left and called whole"
            );
            // It goes on.
            store.append(vec![exchange("b", 200, 1)]).unwrap();
            store.maintain(0, &callsite::SiteId::clone).unwrap();
            assert_eq!(requests(&store, "b", None).len(), 1);
            drop(store);
            assert_eq!(requests(&open(dir.path()), "b", None).len(), 1, "round {round}");
            left
        })
        .collect()
}

/// A place in `bytes` that differs from round to round.
fn place(round: usize, bytes: &[u8]) -> usize {
    (round + 1) * 1_037_389 % bytes.len()
}

#[test]
fn a_flipped_bit_costs_a_sealed_segment_no_more_than_a_block() {
    let left = damaged(true, 60, &|round, bytes| {
        let at = place(round, bytes);
        bytes[at] ^= 1 << (round % 8);
    });
    let worst = left.iter().min().unwrap();
    assert!(*worst >= COUNT as usize - 80, "{left:?}");
    assert!(left.iter().filter(|left| **left < COUNT as usize).count() > 20, "the flips hit nothing: {left:?}");
}

#[test]
fn a_sealed_segment_that_was_cut_gives_what_it_has() {
    let left = damaged(true, 30, &|round, bytes| {
        let at = place(round, bytes);
        bytes.truncate(at);
    });
    let expected = |round: usize| left[round] as f64 / COUNT as f64;
    assert!(left.iter().any(|left| *left > 300) && (0..30).map(expected).sum::<f64>() > 8.0, "{left:?}");
}

#[test]
fn a_page_of_zeros_costs_a_sealed_segment_what_it_held() {
    let left = damaged(true, 30, &|round, bytes| {
        let at = place(round, bytes) & !4095;
        let end = (at + 4096).min(bytes.len());
        bytes[at..end].fill(0);
    });
    assert!(left.iter().filter(|left| **left > COUNT as usize / 2).count() >= 28, "{left:?}");
}

#[test]
fn a_damaged_live_segment_is_repaired_read_or_set_aside_and_the_log_goes_on() {
    for damage in [
        (|round, bytes| {
            let at = place(round, bytes);
            bytes[at] ^= 1 << (round % 8);
        }) as fn(usize, &mut Vec<u8>),
        |round, bytes| {
            let at = place(round, bytes);
            bytes.truncate(at);
        },
        |round, bytes| {
            let at = place(round, bytes) & !4095;
            let end = (at + 4096).min(bytes.len());
            bytes[at..end].fill(0);
        },
    ] {
        damaged(false, 15, &damage);
    }
}

#[test]
fn a_file_that_is_no_segment_is_set_aside_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), true);
    fs::write(data(dir.path()), "rubbish").unwrap();
    let (store, left) = read(dir.path());
    let overview = store.overview().unwrap();
    assert_eq!((left, overview.set_aside.len(), store.verify().unwrap().is_whole()), (0, 1, false));
    assert!(overview.set_aside[0].ends_with(".sealed.damaged-1"), "{overview:?}");
}
