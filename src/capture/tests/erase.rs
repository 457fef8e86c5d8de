use std::path::Path;

use super::{SiteId, Uuid, exchange, holding, id, open, requests, segments, site};
use crate::{CaptureStore, Erase, Exchange, SegmentLimits, Segments, Subject};

fn erase(subject: Subject) -> Erase {
    Erase { subject, before_ms: None, set_aside: false }
}

/// An exchange of `user`, whose canary does not compress away.
fn of(user: &str, site: &str, at_s: u64, n: u64) -> Exchange {
    let request = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"{user}-canary-{n} {}"}}],"user":"{user}"}}"#,
        super::noise(n + 1, 60)
    );
    Exchange {
        request,
        response: format!("{user}-answer-canary {}", super::noise(n + 7, 60)),
        ..exchange(site, at_s, n)
    }
}

/// All bytes of the log, unpacked where they are packed: no text hides behind compression.
fn unpacked(dir: &Path) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let copy = out.path().join("log");
    copy_dir(dir, &copy);
    let store = Segments::open(&copy, SegmentLimits::NONE, crate::Redactor::new(&[]).unwrap()).unwrap();
    let mut texts = String::new();
    for name in store.sites().unwrap() {
        store.scan(&name, None, &mut |exchange| texts.push_str(&serde_json::to_string(&exchange).unwrap())).unwrap();
    }
    std::fs::write(out.path().join("texts"), texts).unwrap();
    out
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Pieces of everything that the files of the log's segments hold now; every block has something of alice's.
fn pieces(dir: &Path) -> Vec<Vec<u8>> {
    let files = segments(dir).into_iter().map(|path| if path.is_dir() { path.join("db") } else { path });
    let bytes = files.flat_map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
    // Neither empty places nor the index's names.
    let packed = |piece: &&[u8]| piece.iter().filter(|byte| !byte.is_ascii()).count() > 16;
    let pieces = bytes.chunks(64).step_by(7).filter(packed);
    pieces.map(<[u8]>::to_vec).collect()
}

/// A sealed segment, and a live one behind it, with exchanges of alice and bob in both.
fn filled(dir: &Path) -> Segments {
    let store = open(dir);
    let both = |at_s, from: u64| {
        (from..from + 400).map(move |n| of(if n % 4 == 0 { "alice" } else { "bob" }, "shop", at_s, n)).collect()
    };
    store.append(both(100, 0)).unwrap();
    store.seal().unwrap();
    store.append(both(120, 1000)).unwrap();
    store
}

#[test]
fn a_user_is_erased_from_sealed_and_live_segments_and_no_byte_of_theirs_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    assert!(!holding(unpacked(dir.path()).path(), "alice-canary").is_empty());
    let pieces = pieces(dir.path());
    let mut gone = Vec::new();
    store.find(&erase(Subject::User("alice".into())), &SiteId::clone, &mut |exchange| gone.push(exchange.id)).unwrap();
    let erased = store.erase(&erase(Subject::User("alice".into())), &SiteId::clone).unwrap();
    assert_eq!((erased.exchanges, erased.segments, gone.len()), (200, 2, 200));
    for dir in [dir.path(), unpacked(dir.path()).path()] {
        assert_eq!(holding(dir, "alice"), Vec::<std::path::PathBuf>::new());
    }
    // What was packed reads like nothing: none of the old files' bytes are left anywhere either.
    let left = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect::<Vec<_>>()
        .concat();
    let found = pieces.iter().filter(|piece| left.windows(piece.len()).any(|window| window == *piece)).count();
    assert!(pieces.len() > 20 && found == 0, "{found} of {} pieces", pieces.len());
    assert_eq!(requests(&store, "shop", None).len(), 600);
    assert!(store.verify().unwrap().is_whole());
    assert_eq!(store.erase(&erase(Subject::User("alice".into())), &SiteId::clone).unwrap().exchanges, 0);
    // And after a restart.
    drop(store);
    assert_eq!(requests(&open(dir.path()), "shop", None).len(), 600);
}

#[test]
fn what_a_killed_erasing_left_is_erased_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let before = segments(dir.path());
    drop(store);
    std::fs::write(dir.path().join(".staged-x1y2"), "alice-canary").unwrap();
    let store = open(dir.path());
    assert_eq!(segments(dir.path()), before);
    assert!(!dir.path().join(".staged-x1y2").try_exists().unwrap(), "left over from a program that was killed");
    let erased = store.erase(&erase(Subject::User("alice".into())), &SiteId::clone).unwrap();
    assert_eq!((erased.exchanges, holding(dir.path(), "alice").len()), (200, 0));
}

#[test]
fn an_exchange_is_erased_with_every_other_that_asks_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    // The teacher's second answer, for an audit: another id, the same words.
    let again = Exchange { id: id(121, 5000), ..of("alice", "shop", 121, 4) };
    let elsewhere = of("alice", "tavern", 121, 4);
    store.append(vec![again, elsewhere]).unwrap();
    let erased = store.erase(&erase(Subject::Exchange(id(100, 4))), &SiteId::clone).unwrap();
    assert_eq!(erased.exchanges, 2);
    assert_eq!((requests(&store, "shop", None).len(), requests(&store, "tavern", None).len()), (799, 1));
    assert_eq!(store.erase(&erase(Subject::Exchange(Uuid::nil())), &SiteId::clone).unwrap().exchanges, 0);
}

#[test]
fn a_site_is_erased_up_to_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let before = Erase { before_ms: Some(110_000), ..erase(Subject::Site(site("shop"))) };
    assert_eq!(store.erase(&before, &SiteId::clone).unwrap().exchanges, 400);
    assert_eq!(requests(&store, "shop", None).len(), 400);
    assert_eq!(
        segments(dir.path()).iter().filter(|path| path.is_dir()).count(),
        1,
        "nothing is left of the sealed one"
    );
    assert_eq!(store.erase(&erase(Subject::Site(site("shop"))), &SiteId::clone).unwrap().exchanges, 400);
    assert_eq!(segments(dir.path()).len(), 0);
}

#[test]
fn what_lies_under_a_former_name_is_erased_with_its_site_and_not_the_other_way_round() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    // `shop` was called `found` first and `smithy` then; `tavern` is another site.
    let today = |name: &SiteId| if ["found", "smithy"].contains(&name.as_str()) { site("shop") } else { name.clone() };
    let under = |name: &str, n| of("alice", name, 121, n);
    store.append(vec![under("found", 4), under("found", 5000), under("smithy", 4), under("tavern", 4)]).unwrap();
    let left = || ["found", "smithy", "shop", "tavern"].map(|name| requests(&store, name, None).len());
    assert_eq!(left(), [2, 1, 800, 1]);
    // The same words, whatever the site was called when they were asked.
    assert_eq!(store.erase(&erase(Subject::Exchange(id(100, 4))), &today).unwrap().exchanges, 3);
    assert_eq!(left(), [1, 0, 799, 1]);
    store.append(vec![under("smithy", 6000)]).unwrap();
    assert_eq!(store.erase(&erase(Subject::Site(site("smithy"))), &today).unwrap().exchanges, 1);
    assert_eq!(left(), [1, 0, 799, 1]);
    let of_site = erase(Subject::Site(site("shop")));
    let mut found = 0;
    store.find(&of_site, &today, &mut |_| found += 1).unwrap();
    assert_eq!((found, store.erase(&of_site, &today).unwrap().exchanges), (800, 800));
    assert_eq!(left(), [0, 0, 0, 1]);
}

#[test]
fn what_was_set_aside_is_named_and_goes_when_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let aside = dir.path().join(format!("segment-{}.damaged-1", id(50, 0)));
    std::fs::create_dir(&aside).unwrap();
    std::fs::write(aside.join("db"), "alice-canary").unwrap();
    let erased = store.erase(&erase(Subject::User("alice".into())), &SiteId::clone).unwrap();
    assert_eq!(erased.set_aside.len(), 1, "{erased:?}");
    let all = Erase { set_aside: true, ..erase(Subject::User("alice".into())) };
    assert_eq!(store.erase(&all, &SiteId::clone).unwrap().set_aside.len(), 0);
    assert_eq!(holding(dir.path(), "alice").len(), 0);
}

#[test]
fn copies_for_others_are_made_anew_without_what_was_erased() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let limits = SegmentLimits { export_dir: Some(out.path().to_owned()), ..SegmentLimits::NONE };
    let store = super::open_with(dir.path(), limits);
    store.append(vec![of("alice", "shop", 100, 1), of("bob", "shop", 100, 2)]).unwrap();
    store.seal().unwrap();
    let text = || {
        let files = std::fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path());
        let packed: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|extension| extension == "zst")).collect();
        packed
            .iter()
            .map(|path| zstd::stream::decode_all(std::fs::File::open(path).unwrap()).unwrap())
            .collect::<Vec<_>>()
            .concat()
    };
    assert!(String::from_utf8(text()).unwrap().contains("alice-canary"));
    store.erase(&erase(Subject::User("alice".into())), &SiteId::clone).unwrap();
    let left = String::from_utf8(text()).unwrap();
    assert!(!left.contains("alice") && left.contains("bob-canary"), "{left}");
    store.erase(&erase(Subject::User("bob".into())), &SiteId::clone).unwrap();
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
}
