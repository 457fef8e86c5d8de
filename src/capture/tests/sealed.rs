use std::fs;
use std::path::PathBuf;

use super::{SiteId, exchange, id, open, open_with, requests, segments, site};
use crate::{CaptureStore, Exchange, SegmentLimits, Segments};

/// A sealed segment of 600 exchanges of `a`, which have a dictionary, and three of `b`; its file.
fn sealed(dir: &std::path::Path) -> (Segments, PathBuf) {
    let store = open(dir);
    let text = |n: u64| format!("{} {}", "words that come again ".repeat(20), super::noise(n, 400));
    let many = (0..600).map(|n| Exchange { response: text(n), ..exchange("a", 100, n) });
    store.append(many.chain((0..3).map(|n| exchange("b", 101, n))).collect()).unwrap();
    store.seal().unwrap();
    let paths = segments(dir);
    assert_eq!(paths.len(), 1, "the folder of the live one is gone: {paths:?}");
    (store, paths[0].clone())
}

#[test]
fn a_sealed_segment_reads_as_it_did_before_and_takes_less() {
    let dir = tempfile::tempdir().unwrap();
    let (store, path) = sealed(dir.path());
    let expected: Vec<String> = (0..600).map(|n| format!("request {n}")).collect();
    assert_eq!(requests(&store, "a", None), expected);
    assert_eq!(requests(&store, "a", Some(id(100, 597))), ["request 598", "request 599"]);
    assert_eq!(requests(&store, "b", None).len(), 3);
    assert_eq!(requests(&store, "c", None).len(), 0);
    let summary = store.overview().unwrap().sites[&site("a")];
    assert_eq!((summary.exchanges, summary.first, summary.last), (600, id(100, 0), id(100, 599)));
    // Of 840 bytes 400 are noise of six bits each: 300, and next to nothing for the rest.
    let each = fs::metadata(&path).unwrap().len() / 600;
    assert!(each < 480, "{each} bytes an exchange");
    drop(store);
    let store = open(dir.path());
    assert_eq!(requests(&store, "a", None), expected);
    assert!(store.verify().unwrap().is_whole());
}

#[test]
fn what_comes_after_sealing_goes_into_another_segment_and_all_is_read_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = sealed(dir.path());
    store.append(vec![exchange("b", 102, 9)]).unwrap();
    assert_eq!(segments(dir.path()).len(), 2);
    assert_eq!(requests(&store, "b", None), ["request 0", "request 1", "request 2", "request 9"]);
    drop(store);
    assert_eq!(requests(&open(dir.path()), "b", None).len(), 4);
}

#[test]
fn a_program_that_ended_between_sealing_and_removing_finds_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![exchange("a", 100, 1)]).unwrap();
    let live = segments(dir.path())[0].clone();
    let spare = dir.path().join("spare");
    fs::rename(&live, &spare).unwrap();
    fs::create_dir(&live).unwrap();
    drop(store.seal());
    drop(store);
    fs::rename(&spare, &live).unwrap();
    assert_eq!(segments(dir.path()).len(), 2);
    let store = open(dir.path());
    assert_eq!((requests(&store, "a", None).len(), segments(dir.path()).len()), (1, 1));
}

#[test]
fn a_reader_of_a_segment_that_is_replaced_meanwhile_reads_on() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = sealed(dir.path());
    let mut seen = 0;
    store
        .scan(&site("a"), None, &mut |_| {
            if seen == 100 {
                let erase =
                    crate::Erase { subject: crate::Subject::Site(site("a")), before_ms: None, set_aside: false };
                assert_eq!(store.erase(&erase, &SiteId::clone).unwrap().exchanges, 600);
            }
            seen += 1;
        })
        .unwrap();
    assert_eq!(seen, 600);
    assert_eq!(requests(&store, "a", None).len(), 0);
}

#[test]
fn a_sealed_segment_is_copied_for_others_with_a_checksum_that_sha256sum_reads() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let exports = out.path().join("exports");
    let store = open_with(
        dir.path(),
        SegmentLimits { age_ms_max: 10_000, export_dir: Some(exports.clone()), ..SegmentLimits::NONE },
    );
    store.append(vec![exchange("a", 100, 1), exchange("b", 100, 2)]).unwrap();
    store.maintain(200_000, &SiteId::clone).unwrap();
    let checked = std::process::Command::new("sh")
        .args(["-c", "sha256sum --check *.sha256"])
        .current_dir(&exports)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let packed = fs::read_dir(&exports).unwrap().map(|entry| entry.unwrap().path());
    let packed = packed.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "zst")).unwrap();
    let lines = zstd::stream::decode_all(fs::File::open(&packed).unwrap()).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let read: Vec<Exchange> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, [exchange("a", 100, 1), exchange("b", 100, 2)]);
    // What was sealed before copies were wanted is copied later.
    fs::remove_dir_all(&exports).unwrap();
    store.append(vec![exchange("a", 190, 3)]).unwrap();
    store.maintain(200_000, &SiteId::clone).unwrap();
    assert_eq!(fs::read_dir(&exports).unwrap().count(), 2 * 2);
    fs::remove_dir_all(&exports).unwrap();
    // And by whoever does not hold the log.
    assert_eq!(crate::export_sealed(dir.path(), &exports).unwrap().0, 2);
    assert_eq!(fs::read_dir(&exports).unwrap().count(), 2 * 2);
}
