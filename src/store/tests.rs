use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Opened, Put, Store, StoreError};

/// How this binary is told where.
const DIR: &str = "STORE_TEST_DIR";

fn put(key: &str, value: &str) -> Put<'static> {
    Put { tree: "t", key: key.as_bytes().to_vec(), value: value.as_bytes().to_vec() }
}

fn filled(dir: &Path) {
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
fn a_store_beyond_repair_is_set_aside_and_an_empty_one_begun() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("capture");
    filled(&dir);
    let whole = fs::read(dir.join("db")).unwrap();
    let mut conf = fs::read(dir.join("conf")).unwrap();
    conf[0] ^= 1;
    fs::write(dir.join("conf"), conf).unwrap();
    let (store, opened) = Store::open(&dir).unwrap();
    store.write(&[put("c", "z")]).unwrap();
    assert_eq!(store.get("t", b"c").unwrap().unwrap(), b"z");
    let Opened::Fresh { kept } = opened else { panic!("{opened:?}") };
    assert_eq!(kept, parent.path().join("capture.damaged-1"));
    assert!(fs::read(kept.join("db")).unwrap() == whole, "what is set aside is as it was");
}

#[test]
fn a_panic_at_open_is_damage_and_only_a_fresh_directory_is_opened_then() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("capture");
    filled(&dir);
    drop(Store::open(&dir).unwrap());
    let mut tries = 0;
    let mut panics_once = |dir: &Path| {
        tries += 1;
        if tries == 1 { crate::guard::guarded(|| panic!("sled gave up")) } else { Ok(Store::open(dir)?.0) }
    };
    let (store, opened) = crate::open::climb(&dir, &mut panics_once).unwrap();
    assert_eq!(opened, Opened::Fresh { kept: parent.path().join("capture.damaged-1") });
    assert_eq!((tries, store.scan("t", b"", None).unwrap().count()), (2, 0));
    assert!(!parent.path().join("capture.snapshots-1").try_exists().unwrap());
}

/// Bytes of sled's preallocated file that are in use.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).unwrap()
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
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "nothing was lost, and nothing need be looked at");
}

#[test]
fn a_kill_while_a_snapshot_is_written_is_no_damage() {
    for written in [&b""[..], b"half of a snapshot"] {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("capture");
        filled(&dir);
        drop(Store::open(&dir).unwrap());
        // As sled calls it until it is whole.
        let unfinished = dir.join("snap.FFFFFFFFFFFFFFFF.generating");
        fs::write(&unfinished, written).unwrap();
        let (store, opened) = Store::open(&dir).unwrap();
        assert_eq!((opened, unfinished.try_exists().unwrap()), (Opened::Clean, false));
        assert_eq!(store.scan("t", b"", None).unwrap().filter(Result::is_ok).count(), 100);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_a_clear_error() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = Store::open(&file.join("store")).unwrap_err();
    assert!(error.to_string().contains("write in the store's directory"), "{error}");
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

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn no_flipped_bit_panics_and_no_damaged_value_is_taken_for_a_whole_one() {
    let parent = tempfile::tempdir().unwrap();
    // As a kill leaves it: a snapshot, and a log that has grown since.
    let (live, whole) = (parent.path().join("live"), parent.path().join("whole"));
    filled(&live);
    let (store, _) = Store::open(&live).unwrap();
    for round in 0..50 {
        store.write(&[put(&format!("a{round:03}"), &"x".repeat(2000)), put(&format!("c{round:03}"), "y")]).unwrap();
    }
    copy(&live, &whole);
    let bytes = fs::read(whole.join("db")).unwrap();
    let used = used(&bytes);
    let mut noticed = 0;
    for round in 0..120 {
        let dir = parent.path().join(format!("round-{round}"));
        copy(&whole, &dir);
        let mut flipped = bytes.clone();
        // Multiples of a large prime spread the flips over what is in use: one, or a hundred.
        for more in 0..if round % 2 == 0 { 1 } else { 100 } {
            flipped[(round + 977 * more) * 1_037_389 % used] ^= 1 << (round % 8);
        }
        fs::write(dir.join("db"), flipped).unwrap();
        let (store, opened) = Store::open(&dir).unwrap();
        noticed += u32::from(opened != Opened::Clean);
        for (_, value) in store.scan("t", b"", None).unwrap().filter_map(Result::ok) {
            assert!(value == b"y" || value == vec![b'x'; 2000], "round {round}");
        }
        store.write(&[put("z", "z")]).unwrap();
        assert_eq!(store.get("t", b"z").unwrap().unwrap(), b"z");
    }
    assert!(noticed > 60, "the flips hit nothing: the test shows nothing");
}

#[test]
fn a_panic_inside_is_an_error_with_its_first_line() {
    let error = crate::guard::guarded::<()>(|| panic!("tried to serialize Uninitialized\nand more")).unwrap_err();
    assert!(error.to_string().ends_with("tried to serialize Uninitialized"), "{error}");
    assert!(crate::guard::guarded(|| Ok(1)).is_ok());
}

#[test]
fn the_directory_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("deep/capture");
    drop(Store::open(&dir).unwrap());
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Runs one test of this binary in a process whose files may not grow beyond `blocks` of 512 bytes, as on a full disk.
fn on_a_full_disk(test: &str, dir: &Path, blocks: u32) -> std::process::Output {
    let script = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" --exact {test} --include-ignored");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(std::env::current_exe().unwrap()).env(DIR, dir);
    shell.output().unwrap()
}

#[test]
fn a_full_disk_at_start_is_an_error_that_says_so_and_sets_nothing_aside() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("capture");
    filled(&dir);
    for blocks in [0, 64] {
        let output = on_a_full_disk("tests::in_a_process_of_its_own_a_full_disk_is_an_error", &dir, blocks);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "something was set aside");
    let (store, opened) = Store::open(&dir).unwrap();
    assert_eq!((opened, store.scan("t", b"", None).unwrap().filter(Result::is_ok).count()), (Opened::Clean, 100));
}

#[test]
#[ignore = "started by the test above"]
fn in_a_process_of_its_own_a_full_disk_is_an_error() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    match Store::open(Path::new(&dir)) {
        Err(error @ StoreError::Io { .. }) => assert!(error.to_string().contains("store"), "{error}"),
        // With room for what is there it may open; then nothing more can be written.
        Ok((store, Opened::Clean)) => assert!(store.write(&[put("c", &"z".repeat(1 << 20))]).is_err()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_whose_making_was_cut_short_is_an_empty_one_and_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    for kill in 0_u64..60 {
        let at = dir.path().join(kill.to_string());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::in_a_process_of_its_own_it_makes_stores", "--include-ignored", "--nocapture"])
            .env(DIR, &at)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        said.find(|line| line.as_ref().is_ok_and(|line| line == "making")).unwrap().unwrap();
        std::thread::sleep(Duration::from_micros(kill * 7_919 % 15_000));
        child.kill().unwrap();
        child.wait().unwrap();
        for made in fs::read_dir(&at).unwrap() {
            let made = made.unwrap().path();
            if made.file_name().unwrap().to_string_lossy().starts_with('.') {
                // What was not whole yet stands beside its place.
                continue;
            }
            let (store, opened) = Store::open(&made).unwrap();
            assert_eq!(opened, Opened::Clean, "kill {kill}: {}", made.display());
            store.write(&[put("a", "x")]).unwrap();
        }
    }
}

#[test]
#[ignore = "started by the test above"]
fn in_a_process_of_its_own_it_makes_stores() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    fs::create_dir_all(&dir).unwrap();
    println!("making");
    for number in 0.. {
        drop(Store::open(&Path::new(&dir).join(number.to_string())).unwrap());
    }
}
