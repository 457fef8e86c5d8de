use std::fs;

use crate::{Opened, Put, Store, StoreError};

fn put(key: &str, value: &str) -> Put<'static> {
    Put { tree: "t", key: key.as_bytes().to_vec(), value: value.as_bytes().to_vec() }
}

fn filled(dir: &std::path::Path) {
    let (store, opened) = Store::open(dir).unwrap();
    assert_eq!(opened, Opened::Clean);
    for round in 0..50 {
        store.write(&[put(&format!("a{round:03}"), &"x".repeat(2000)), put(&format!("b{round:03}"), "y")]).unwrap();
    }
}

#[test]
fn a_scan_walks_one_prefix_after_a_key() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let (store, _) = Store::open(dir.path()).unwrap();
    let keys = |prefix: &str, after: Option<&str>| {
        store
            .scan("t", prefix.as_bytes(), after.map(str::as_bytes))
            .unwrap()
            .map(|item| item.unwrap().0)
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("a", None).len(), 50);
    assert_eq!(keys("b", Some("b047")), [b"b048".to_vec(), b"b049".to_vec()]);
    assert_eq!(store.get("t", b"b000").unwrap().unwrap(), b"y");
}

#[test]
fn a_second_opener_is_told_that_the_store_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let _held = Store::open(dir.path()).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::InUse(_))));
}

#[test]
fn a_store_cut_in_half_is_set_aside_and_an_empty_one_begun() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("capture");
    filled(&dir);
    let db = dir.join("db");
    let whole = fs::read(&db).unwrap();
    fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::write(entry.path(), b"rubbish").unwrap();
        }
    }
    let (store, opened) = Store::open(&dir).unwrap();
    // Whatever rung held, the store works and nothing was deleted.
    store.write(&[put("c", "z")]).unwrap();
    assert_eq!(store.get("t", b"c").unwrap().unwrap(), b"z");
    if let Opened::Fresh { kept } = opened {
        assert!(kept.join("db").try_exists().unwrap());
    }
}

#[test]
fn a_damaged_snapshot_loses_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("capture");
    filled(&dir);
    // sled writes a snapshot when it opens a log that has grown.
    drop(Store::open(&dir).unwrap());
    let snapshots: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("snap."))
        .collect();
    assert!(!snapshots.is_empty(), "sled wrote no snapshot: the test shows nothing");
    snapshots.iter().for_each(|path| fs::write(path, b"rubbish").unwrap());
    let (store, opened) = Store::open(&dir).unwrap();
    assert_eq!(opened, Opened::WithoutSnapshots);
    assert_eq!(store.scan("t", b"", None).unwrap().filter(Result::is_ok).count(), 100);
}

#[test]
fn a_directory_that_cannot_be_made_is_a_clear_error() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = Store::open(&file.join("store")).unwrap_err();
    assert!(error.to_string().contains("create the store's directory"), "{error}");
}

#[test]
fn a_flipped_bit_is_noticed() {
    let sealed = crate::frame::seal(b"payload");
    assert_eq!(crate::frame::open(&sealed).unwrap(), b"payload");
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(crate::frame::open(&flipped).is_err(), "bit {bit}");
    }
}
