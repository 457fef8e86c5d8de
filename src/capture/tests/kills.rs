//! Processes of their own that write to a log: killed at any moment, or on a disk that fills up.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use telemetry::Metrics;

use super::{SiteId, exchange, noise, open_with, requests, segments, site};
use crate::{CaptureStore, Exchange, Redactor, SegmentLimits, Segments, Writer, WriterSettings};

const KILLS: u64 = 200;
/// How this binary is told where to write, and for which site.
const DIR: &str = "CAPTURE_TEST_DIR";
const SITE: &str = "CAPTURE_TEST_SITE";

/// Small segments, so that kills fall into closing and sealing, too.
fn small() -> SegmentLimits {
    SegmentLimits { bytes_max: 1 << 20, ..SegmentLimits::NONE }
}

fn of(name: &str, n: u64) -> Exchange {
    Exchange { response: format!("{name} {n} {}", noise(n, 1500)), ..exchange(name, 100, n) }
}

#[test]
fn whatever_was_acknowledged_before_two_hundred_kills_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for kill in 0..KILLS {
        let name = format!("s{kill}");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::kills::in_a_process_of_its_own_it_writes", "--include-ignored", "--nocapture"])
            .envs([(DIR, dir.path().as_os_str()), (SITE, name.as_ref())])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut last = 0;
        // From the first acknowledgement on; the kill falls anywhere behind it.
        let began = lines.by_ref().find_map(|line| line.strip_prefix("acked ").map(|_| Instant::now()));
        let time = Duration::from_micros(kill * 7_919 % 20_000);
        std::thread::sleep(time.saturating_sub(began.unwrap().elapsed()));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            last = line.strip_prefix("acked ").and_then(|count| count.parse().ok()).unwrap_or(last);
        }
        acknowledged.push((name, last));
        if kill % 20 == 19 {
            all_there(dir.path(), &acknowledged[acknowledged.len() - 20..]);
        }
    }
    all_there(dir.path(), &acknowledged);
    let total: u64 = acknowledged.iter().map(|(_, count)| count).sum();
    assert!(total > KILLS * 20, "only {total} were acknowledged: the test shows nothing");
    let sealed = segments(dir.path()).iter().filter(|path| path.is_file()).count();
    assert!(sealed > 0, "no segment was sealed meanwhile");
}

fn all_there(dir: &Path, acknowledged: &[(String, u64)]) {
    let store = open_with(dir, small());
    let unmade = std::fs::read_dir(dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".making"));
    assert_eq!(unmade.count(), 0);
    // On a slow machine no child lives long enough to seal a segment; what is left of their tries is sealed here.
    store.maintain(0, &SiteId::clone).unwrap();
    let verified = store.verify().unwrap();
    let damaged: Vec<_> = verified.segments.iter().filter(|segment| segment.damaged > 0).collect();
    assert!(damaged.is_empty(), "{damaged:?}, set aside: {:?}", verified.set_aside);
    for (name, count) in acknowledged {
        let mut found = 0;
        store
            .scan(&site(name), None, &mut |exchange| {
                assert_eq!(exchange, of(name, found));
                found += 1;
            })
            .unwrap();
        assert!(found >= *count, "{name}: {found} found, {count} acknowledged");
    }
}

#[test]
#[ignore = "started by the test above"]
fn in_a_process_of_its_own_it_writes() {
    let (Some(dir), Ok(name)) = (std::env::var_os(DIR), std::env::var(SITE)) else { return };
    let (store, metrics) = (Arc::new(open_with(Path::new(&dir), small())), Arc::new(Metrics::new().unwrap()));
    let settings = WriterSettings { queue_bytes_max: 1 << 20, retry_pause: Duration::from_secs(1) };
    let (capture, _writer) = Writer::start(store.clone(), metrics.clone(), settings).unwrap();
    std::thread::spawn(move || {
        loop {
            store.maintain(0, &SiteId::clone).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let (mut sent, mut said) = (0, 0);
    loop {
        let acked = metrics.captured_total().get();
        if acked > said {
            said = acked;
            println!("acked {acked}");
        }
        if sent < acked + 256 {
            capture.keep(of(&name, sent));
            sent += 1;
        } else {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

/// Runs a test of this binary on a disk of eight mebibytes: a file system in memory where that may be mounted, else under a limit on every
/// file's size, which fails the same way. Says which.
fn on_a_small_disk(test: &str, dir: &Path) -> (Output, bool) {
    let mounted = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs -o size=1m none \"$0\""])
        .arg(dir)
        .output()
        .is_ok_and(|output| output.status.success());
    let run = "exec \"$1\" --exact \"$2\" --include-ignored --nocapture";
    let mut command = if mounted {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        unshare.arg(format!("mount -t tmpfs -o size=8m none \"$0\" && {run}"));
        unshare
    } else {
        eprintln!("no file system may be mounted here: a limit on the size of files stands in for the full disk");
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -S -f 4096; {run}"));
        shell
    };
    command.arg(dir).arg(std::env::current_exe().unwrap()).arg(test).env(DIR, dir);
    command.env(SITE, if mounted { "mounted" } else { "limited" });
    (command.output().unwrap(), mounted)
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged_and_room_lets_it_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (output, _) = on_a_small_disk("tests::kills::in_a_process_of_its_own_it_fills_the_disk", dir.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("the disk was full"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[ignore = "started by the test above"]
fn in_a_process_of_its_own_it_fills_the_disk() {
    let (Some(dir), Ok(kind)) = (std::env::var_os(DIR), std::env::var(SITE)) else { return };
    let dir = Path::new(&dir);
    let store = open_with(dir, SegmentLimits::NONE);
    let large = |n| Exchange { response: noise(n, 100_000), ..exchange("a", 100, n) };
    let kept: Vec<u64> = (0..500).take_while(|n| store.append(vec![large(*n)]).is_ok()).collect();
    assert!(kept.len() > 5 && kept.len() < 500, "{} fitted", kept.len());
    println!("the disk was full after {}", kept.len());
    // Whatever is tried on the full disk gives errors, and no panic.
    drop(store.append(vec![large(999)]));
    drop(store.maintain(0, &SiteId::clone));
    drop(store.erase(
        &crate::Erase { subject: crate::Subject::Site(site("b")), before_ms: None, set_aside: false },
        &SiteId::clone,
    ));
    drop(store);
    if kind == "mounted" {
        // It may not open as long as it is full; nothing is set aside for that.
        drop(Segments::open(dir, SegmentLimits::NONE, Redactor::new(&[]).unwrap()));
        let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(dir).status().unwrap();
        assert!(grown.success());
    }
    let store = open_with(dir, SegmentLimits::NONE);
    assert_eq!(store.overview().unwrap().set_aside, Vec::<String>::new());
    store.maintain(0, &SiteId::clone).unwrap();
    let found = requests(&store, "a", None);
    assert!(kept.iter().all(|n| found.contains(&format!("request {n}"))), "{} of {}", found.len(), kept.len());
    store.append(vec![exchange("b", 200, 1)]).unwrap();
    assert_eq!(requests(&store, "b", None).len(), 1);
}

#[test]
fn a_disk_that_is_nearly_full_is_left_alone_and_written_to_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (output, mounted) = on_a_small_disk("tests::kills::in_a_process_of_its_own_it_leaves_room", dir.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!mounted || said.contains("it left room"), "{said}");
}

#[test]
#[ignore = "started by the test above"]
fn in_a_process_of_its_own_it_leaves_room() {
    let (Some(dir), Ok(kind)) = (std::env::var_os(DIR), std::env::var(SITE)) else { return };
    if kind != "mounted" {
        // Without a file system of its own there is no disk that gets full.
        return;
    }
    let dir = Path::new(&dir);
    let store = open_with(dir, SegmentLimits { free_bytes_min: 3 << 20, ..SegmentLimits::NONE });
    let large = |n| Exchange { response: noise(n, 100_000), ..exchange("a", 100, n) };
    let error = (0..500).find_map(|n| store.append(vec![large(n)]).err()).unwrap();
    assert!(matches!(error, crate::CaptureError::NoRoom { .. }), "{error}");
    println!("it left room");
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(dir).status().unwrap();
    assert!(grown.success());
    store.append(vec![large(1000)]).unwrap();
}
