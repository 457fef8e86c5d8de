//! Flipped, cut and zeroed files.

use std::fs;
use std::path::PathBuf;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn inn() -> SiteId {
    SiteId::new("inn").unwrap()
}

/// Under a policy that keeps the log short.
fn open(dir: &Path) -> Ledger {
    Ledger::open_dir(dir, LiveRules::new(rules(quick(0), "a")), metrics(), 9).unwrap()
}

/// Audits of the site that the student serves.
const AUDITS: u64 = 25;

/// Repeated answers of the teacher and the measure that they chose, at a third site.
fn chosen(ledger: &Ledger) {
    let forge = SiteId::new("forge").unwrap();
    let on = site_rules(quick(0), "1").measure_on;
    assert!(ledger.register(&forge));
    let mut writer = ledger.writer.lock();
    let mut write = |record| ledger.commit(&mut writer, &forge, 2, record).unwrap();
    let repeat = |prompt| Repeat::of(prompt, "Which?", ["a rope", "rope"], 1e-6, &verify::rouge_l, None);
    let repeats: Vec<Repeat> = (0..2).map(repeat).collect();
    repeats.iter().for_each(|repeat| write(Record::Repeat { on: on.clone(), repeat: repeat.clone() }));
    write(Record::Measure { on, choice: verify::choose(&repeats, 0.05, 1e-6, false) });
}

/// A log with every kind of record, of a site that is served by the student and rated, and one that a person holds.
fn written(dir: &Path) {
    let ledger = open(dir);
    assert!(ledger.register(&shop()) && ledger.register(&inn()));
    ledger.add_candidate(&shop(), 1, candidate(&ledger, "1")).unwrap();
    (3..AUDITS).for_each(|_| audit(&ledger, "1", 1.0));
    assert_eq!(state(&ledger), State::Student);
    ledger.add_candidate(&inn(), 1, candidate(&ledger, "7")).unwrap();
    ledger.operate(&inn(), 2, OperatorAction::Hold, Some("a person".into()), None).unwrap();
    chosen(&ledger);
    let reason = Some("r\u{e9}ponse".into());
    for request in ["r1", "r2"] {
        let asked = RatingRequest {
            request: request.into(),
            version: Some(version("1")),
            good: true,
            reason: reason.clone(),
            actor: None,
            compared: None,
        };
        ledger.rate(&shop(), 2, asked).unwrap();
    }
    (0..3).for_each(|_| audit(&ledger, "1", 1.0));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn log_of(dir: &Path) -> PathBuf {
    let mut paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.to_string_lossy().contains("log-")).unwrap()
}

/// Opens what `spoil` leaves of `whole`; says whether damage was found and what the site of the student does.
/// Whatever is left, the hold holds, and who is served is served on all the evidence.
fn opened(whole: &Path, what: &str, spoil: impl FnOnce(&Path)) -> (u64, State) {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("ledger");
    copy(whole, &dir);
    spoil(&dir);
    let metrics = metrics();
    let check = |metrics: &Arc<Metrics>| {
        let ledger = Ledger::open_dir(&dir, LiveRules::new(rules(quick(0), "a")), metrics.clone(), 9);
        let ledger = ledger.unwrap();
        assert!(ledger.is_available(), "{what}");
        assert!(ledger.register(&shop()) && ledger.register(&inn()));
        assert_eq!(ledger.plan(&inn(), DICE), held(), "{what}");
        let view = ledger.view(&shop()).unwrap();
        if ledger.plan(&shop(), DICE).route != Route::Teacher {
            assert_eq!((view.audits, view.rated_good, view.state), (AUDITS, 2, State::Student), "{what}");
        }
        view
    };
    let first = check(&metrics);
    let found = metrics.handover_log_damaged_total().get();
    // What was set right is right: the next start finds nothing.
    assert_eq!(check(&metrics), first, "{what}");
    assert_eq!(metrics.handover_log_damaged_total().get(), found, "{what}");
    let kept = fs::read_dir(&dir).unwrap().any(|entry| entry.unwrap().file_name() == "damaged-1");
    assert_eq!(kept, found > 0, "{what}");
    (found, first.state)
}

#[test]
fn a_log_cut_at_any_record_or_within_it_is_damaged_and_means_teacher() {
    let whole = tempfile::tempdir().unwrap();
    written(whole.path());
    assert_eq!(opened(whole.path(), "whole", |_| {}), (0, State::Student));
    let bytes = fs::read(log_of(whole.path())).unwrap();
    let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').map(|at| at + 1).collect();
    assert!(ends.len() > 30);
    for (record, end) in std::iter::once(0).chain(ends.iter().copied()).enumerate().take(ends.len()) {
        for cut in [end, end + 30] {
            let found = opened(whole.path(), &format!("record {record} cut at {cut}"), |dir| {
                fs::write(log_of(dir), &bytes[..cut]).unwrap();
            });
            assert_eq!(found, (1, State::Teacher), "record {record} cut at {cut}");
        }
    }
}

#[test]
fn a_flipped_bit_or_a_zeroed_stretch_at_any_record_is_damage_and_means_teacher() {
    let whole = tempfile::tempdir().unwrap();
    written(whole.path());
    let bytes = fs::read(log_of(whole.path())).unwrap();
    let starts = std::iter::once(0).chain((0..bytes.len() - 1).filter(|at| bytes[*at] == b'\n').map(|at| at + 1));
    for start in starts {
        for (what, length, change) in [("flip", 1, 0x20u8), ("last", 1, 0x01), ("zero", 40, 0xff)] {
            let found = opened(whole.path(), &format!("{what} at {start}"), |dir| {
                let mut spoilt = bytes.clone();
                for byte in &mut spoilt[start..(start + length).min(bytes.len())] {
                    *byte = if change == 0xff { 0 } else { *byte ^ change };
                }
                fs::write(log_of(dir), spoilt).unwrap();
            });
            assert_eq!(found, (1, State::Teacher), "{what} at {start}");
        }
    }
}

/// Every file of a directory but its lock, with a position weighted by length.
fn anywhere(dir: &Path, rng: &mut ChaCha8Rng) -> (PathBuf, usize) {
    let files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    let length = |path: &PathBuf| usize::try_from(fs::metadata(path).unwrap().len()).unwrap();
    let files: Vec<PathBuf> = files.into_iter().filter(|path| length(path) > 0).collect();
    let file = files[rng.random_range(0..files.len())].clone();
    let at = rng.random_range(0..length(&file));
    (file, at)
}

#[test]
fn damage_at_random_places_of_any_file_undoes_no_hold_and_serves_nobody_on_less() {
    let whole = tempfile::tempdir().unwrap();
    written(whole.path());
    // Half of the rounds have a snapshot under the tail.
    let compacted = tempfile::tempdir().unwrap();
    copy(whole.path(), compacted.path());
    {
        let ledger = open(compacted.path());
        ledger.writer.lock().uncompacted = 9_999;
        ledger.record_failed_exam(&shop(), 1, version("9"), 0.0).unwrap();
        ledger.record_failed_exam(&shop(), 1, version("9"), 0.0).unwrap();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut damaged = 0;
    for round in 0..200 {
        let from = if round % 2 == 0 { whole.path() } else { compacted.path() };
        let kind = rng.random_range(0..3);
        let (file, at) = anywhere(from, &mut rng);
        let what = format!("round {round}: {} at {at}, kind {kind}", file.display());
        let (found, _) = opened(from, &what, |dir| {
            let path = dir.join(file.file_name().unwrap());
            let mut bytes = fs::read(&path).unwrap();
            match kind {
                0 => bytes[at] ^= 1 << rng.random_range(0..8),
                1 => bytes.truncate(at),
                _ => bytes.iter_mut().skip(at).take(64).for_each(|byte| *byte = 0),
            }
            fs::write(&path, bytes).unwrap();
        });
        damaged += found;
    }
    assert!(damaged > 50, "{damaged} of 200 were noticed as damage of the log");
}

#[test]
fn a_lost_file_undoes_no_hold() {
    let whole = tempfile::tempdir().unwrap();
    written(whole.path());
    for name in ["head-0", "head-1", "marks.json"] {
        let found = opened(whole.path(), name, |dir| fs::remove_file(dir.join(name)).unwrap());
        assert_eq!(found, (0, State::Student), "{name}");
    }
    let found = opened(whole.path(), "log", |dir| fs::remove_file(log_of(dir)).unwrap());
    assert_eq!(found, (1, State::Teacher));
    let found = opened(whole.path(), "heads", |dir| {
        fs::remove_file(dir.join("head-0")).unwrap();
        fs::remove_file(dir.join("head-1")).unwrap();
    });
    assert_eq!(found, (1, State::Teacher), "nobody can tell whether the log is whole");
}

#[test]
fn with_log_and_marks_damaged_every_known_site_is_held() {
    let whole = tempfile::tempdir().unwrap();
    written(whole.path());
    let bytes = fs::read(log_of(whole.path())).unwrap();
    for at in [0, 70, bytes.len() / 2, bytes.len() - 2] {
        let found = opened(whole.path(), &at.to_string(), |dir| {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 4;
            fs::write(log_of(dir), spoilt).unwrap();
            fs::write(dir.join("marks.json"), b"rubbish").unwrap();
        });
        assert_eq!(found, (1, State::Held), "{at}");
    }
}

#[test]
fn after_damage_discarded_versions_and_spent_budget_stay() {
    let dir = tempfile::tempdir().unwrap();
    {
        let ledger = open(dir.path());
        to_student(&ledger);
        ledger.add_candidate(&shop(), 1, candidate(&ledger, "2")).unwrap();
        operate(&ledger, OperatorAction::Discard { version: version("1") }).unwrap();
    }
    fs::write(log_of(dir.path()), b"").unwrap();
    let ledger = open(dir.path());
    let view = ledger.view(&shop()).unwrap();
    assert_eq!((view.state, view.candidates, view.discarded_versions), (State::Teacher, 2, vec![version("1")]));
    assert_eq!(view.last_switch.unwrap().cause, Cause::LogDamaged);
    let seqs: Vec<u64> = ledger.entries(None, None, 9).iter().map(|entry| entry.seq).collect();
    // The switch to the teacher, and the measure that the rules name.
    assert!(seqs.len() == 2 && seqs[1] > 120, "no number is given twice: {seqs:?}");
    // It can learn again.
    ledger.add_candidate(&shop(), 3, candidate(&ledger, "3")).unwrap();
    (0..200).for_each(|_| audit(&ledger, "3", 1.0));
    assert_eq!(state(&ledger), State::Student);
}

#[test]
fn a_record_that_was_never_acknowledged_is_cut_off_without_harm() {
    let whole = tempfile::tempdir().unwrap();
    written(whole.path());
    let found = opened(whole.path(), "torn", |dir| {
        let mut bytes = fs::read(log_of(dir)).unwrap();
        bytes.extend_from_slice(b"0123456789abcdef {\"seq\":");
        fs::write(log_of(dir), bytes).unwrap();
    });
    assert_eq!(found, (0, State::Student));
    // Written whole and not counted yet: it is there.
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let heads = ["head-0", "head-1"].map(|name| fs::read(dir.path().join(name)).unwrap());
    audit(&open(dir.path()), "1", 1.0);
    for (name, bytes) in ["head-0", "head-1"].iter().zip(heads) {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    assert_eq!(open(dir.path()).view(&shop()).unwrap().audits, AUDITS + 1);
}

#[test]
fn records_other_than_those_that_were_acknowledged_are_damage() {
    use crate::heads::Head;
    use crate::{proof, sealed};
    let base = Head { count: 0, hash: sealed::GENESIS };
    let log = |exam: f64| {
        let mut head = base;
        let mut bytes = Vec::new();
        for seq in 0..3 {
            let record = Record::FailedExam { version: version("1"), exam };
            let entry = Entry { seq, at_ms: 1, site: shop(), record };
            let (line, hash) = sealed::line(&head.hash, &serde_json::to_vec(&entry).unwrap());
            bytes.extend(line);
            head = Head { count: seq + 1, hash };
        }
        (bytes, head)
    };
    let ((bytes, head), (others, _)) = (log(0.1), log(0.2));
    let found = |bytes: &[u8], newest| proof::prove(base, bytes, newest, false).tail;
    assert_eq!((found(&bytes, Some(head)).damage, found(&bytes, Some(head)).entries.len()), (None, 3));
    let damage = found(&others, Some(head)).damage.unwrap();
    assert!(damage.what.contains("not those that were acknowledged"), "{damage:?}");
    let elsewhere = Head { count: 0, hash: head.hash };
    assert!(found(b"", Some(elsewhere)).damage.is_some(), "not the log that the snapshot ends in");
    assert_eq!(found(b"", Some(base)).damage, None);
    assert_eq!(found(b"", None).damage, None, "a log that was never begun");
    // Cut within its second record: one is whole, the sites of what can still be read are named.
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut spoilt = bytes;
    spoilt[first] ^= 1;
    let damage = found(&spoilt, Some(head)).damage.unwrap();
    assert_eq!((damage.seq, damage.sites.contains(&shop())), (1, true));
    assert!(damage.next_seq >= 3 && damage.what.contains("3 records were acknowledged, 1 are whole"), "{damage:?}");
}

#[test]
fn lost_marks_are_made_again_at_once() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let marks = dir.path().join("marks.json");
    assert!(marks.try_exists().unwrap(), "marks that are missing mean that they were lost");
    written(dir.path());
    let whole = fs::read(&marks).unwrap();
    fs::write(&marks, b"rubbish").unwrap();
    drop(open(dir.path()));
    assert!(fs::read(&marks).unwrap() == whole);
}

#[test]
fn damage_is_counted_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    fs::write(log_of(dir.path()), b"").unwrap();
    let ledger = open(dir.path());
    let text = ledger.metrics.render().unwrap();
    assert!(text.contains("apprentice_handover_log_damaged_total 1") && text.contains("handover_log_unavailable 0"));
    let switch = ledger.view(&shop()).unwrap().last_switch.unwrap();
    assert!(switch.reason.unwrap().starts_with("record 0 of the log: "));
    let view = ledger.view(&inn()).unwrap();
    assert_eq!((view.state, view.version), (State::Held, None));
}

#[test]
fn the_files_are_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("deep/ledger");
    drop(open(&dir));
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn what_was_damaged_is_kept_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let log = log_of(dir.path());
    let mut bytes = fs::read(&log).unwrap();
    bytes[70] ^= 4;
    fs::write(&log, &bytes).unwrap();
    drop(open(dir.path()));
    let aside = dir.path().join("damaged-1");
    assert!(fs::read(aside.join(log.file_name().unwrap())).unwrap() == bytes);
    assert!(!aside.join("lock").try_exists().unwrap());
}

#[test]
fn a_file_that_cannot_be_read_is_no_damage() {
    for name in ["snapshot.json", "marks.json"] {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path());
        drop(fs::remove_file(dir.path().join(name)));
        fs::create_dir(dir.path().join(name)).unwrap();
        let ledger = open(dir.path());
        assert_eq!((ledger.is_available(), ledger.metrics.handover_log_damaged_total().get()), (false, 0), "{name}");
        fs::remove_dir(dir.path().join(name)).unwrap();
        ledger.flush(100_000);
        assert!(ledger.is_available(), "{name}");
    }
}
