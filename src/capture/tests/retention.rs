use super::{SiteId, exchange, open, open_with, requests, segments, site, ten_seconds};
use crate::{CaptureStore, Retention, SegmentLimits};

#[test]
fn what_is_past_its_retention_is_removed_a_segment_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![exchange("a", 100, 1), exchange("a", 105, 2)]).unwrap();
    store.append(vec![exchange("a", 120, 3)]).unwrap();
    store.maintain(124_000, &SiteId::clone).unwrap();
    assert_eq!(requests(&store, "a", None).len(), 3, "the segment's newest is nineteen seconds old");
    store.maintain(126_000, &SiteId::clone).unwrap();
    assert_eq!(requests(&store, "a", None), ["request 3"]);
    // Without any traffic the last segment goes as well.
    store.maintain(141_000, &SiteId::clone).unwrap();
    assert_eq!((requests(&store, "a", None).len(), segments(dir.path()).len()), (0, 0));
    store.append(vec![exchange("a", 150, 4)]).unwrap();
    assert_eq!(requests(&store, "a", None), ["request 4"]);
}

#[test]
fn a_site_may_be_kept_for_another_time_than_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let sites = [(site("long"), 100_000), (site("short"), 5_000)].into();
    let retention = Retention { default_ms: 20_000, sites };
    let store = open_with(dir.path(), SegmentLimits { retention, ..ten_seconds() });
    store.append(vec![exchange("a", 100, 1), exchange("long", 100, 2), exchange("short", 100, 3)]).unwrap();
    let left = |store: &dyn CaptureStore| ["a", "long", "short"].map(|site| requests(store, site, None).len());
    for (now_ms, expected) in
        [(104_000, [1, 1, 1]), (111_000, [1, 1, 0]), (125_000, [0, 1, 0]), (199_000, [0, 1, 0]), (201_000, [0, 0, 0])]
    {
        store.maintain(now_ms, &SiteId::clone).unwrap();
        assert_eq!(left(&store), expected, "{now_ms}");
    }
    assert_eq!(segments(dir.path()).len(), 0);
}

#[test]
fn what_lies_under_a_former_name_is_kept_as_long_as_the_site_it_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let sites = [(site("shop"), 5_000), (site("smithy"), 100_000), (site("inn"), 100_000)].into();
    let store =
        open_with(dir.path(), SegmentLimits { retention: Retention { default_ms: 20_000, sites }, ..ten_seconds() });
    // `shop` was `found` and `smithy`, `tavern` was `inn`.
    let today = |name: &SiteId| match name.as_str() {
        "found" | "smithy" => site("shop"),
        "inn" => site("tavern"),
        _ => name.clone(),
    };
    let names = ["a", "found", "smithy", "shop", "inn"];
    store.append((0..).zip(names).map(|(n, name)| exchange(name, 100, n)).collect()).unwrap();
    let left = || names.map(|name| requests(&store, name, None).len());
    for (now_ms, expected) in [(111_000, [1, 0, 0, 0, 1]), (125_000, [0, 0, 0, 0, 1]), (201_000, [0; 5])] {
        store.maintain(now_ms, &today).unwrap();
        assert_eq!(left(), expected, "{now_ms}");
    }
}

#[test]
fn a_log_that_is_too_large_loses_its_oldest_segments() {
    let dir = tempfile::tempdir().unwrap();
    let limits = SegmentLimits { bytes_max: 1, total_bytes_max: 3 << 20, ..SegmentLimits::NONE };
    let store = open_with(dir.path(), limits);
    for n in 0..30 {
        let response = super::noise(n, 300_000);
        store.append(vec![crate::Exchange { response, ..exchange("a", 100 + n, n) }]).unwrap();
    }
    store.maintain(0, &SiteId::clone).unwrap();
    let left = requests(&store, "a", None);
    let bytes = store.overview().unwrap().disk_bytes;
    assert!(bytes <= 3 << 20 && left.len() > 5, "{bytes} bytes, {} left", left.len());
    let newest: Vec<String> = (30 - left.len()..30).map(|n| format!("request {n}")).collect();
    assert_eq!(left, newest);
}

#[test]
fn an_open_segment_is_closed_at_its_age_without_any_traffic() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![exchange("a", 100, 1)]).unwrap();
    store.maintain(109_000, &SiteId::clone).unwrap();
    assert!(segments(dir.path())[0].is_dir());
    store.maintain(110_000, &SiteId::clone).unwrap();
    let paths = segments(dir.path());
    assert!(paths.len() == 1 && paths[0].extension().is_some_and(|extension| extension == "sealed"), "{paths:?}");
    assert_eq!(requests(&store, "a", None), ["request 1"]);
}
