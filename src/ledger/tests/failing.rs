//! A log that cannot be written: nothing that needs evidence takes effect, everybody is with the teacher, and what
//! a person said is in force.

use super::memory::{MemoryLog, Mode};
use super::*;

fn open_on(log: &MemoryLog, metrics: &Arc<Metrics>) -> Ledger {
    Ledger::open(Box::new(log.clone()), live_rules(), metrics.clone(), 1).unwrap()
}

fn unavailable() -> Plan {
    Plan::teacher(Because::LogUnavailable)
}

#[test]
fn a_record_that_is_not_written_takes_no_effect() {
    for mode in [Mode::Broken, Mode::WrittenYetBroken] {
        let (log, metrics) = (MemoryLog::default(), metrics());
        let ledger = open_on(&log, &metrics);
        assert!(ledger.register(&shop()));
        log.set(mode);
        assert!(ledger.add_candidate(&shop(), 1, candidate(&ledger, "1")).is_err());
        let view = ledger.view(&shop()).unwrap();
        assert_eq!((view.version, view.log_available), (None, false));
    }
}

#[test]
fn an_audit_that_is_not_written_proves_nothing_and_the_teacher_answers() {
    let (log, metrics) = (MemoryLog::default(), metrics());
    let ledger = open_on(&log, &metrics);
    to_student(&ledger);
    let before = ledger.view(&shop()).unwrap();
    log.set(Mode::Broken);
    assert!(ledger.record_audit(&shop(), 1, compared("1", 1.0)).is_err());
    assert_eq!(ledger.plan(&shop(), DICE), unavailable());
    assert!(metrics.render().unwrap().contains("apprentice_handover_log_unavailable 1"));
    assert_eq!(metrics.student_share("shop").get(), 0.0);
    let appends = log.0.lock().appends;
    assert!(matches!(ledger.record_audit(&shop(), 1, compared("1", 1.0)), Err(LedgerError::LogUnavailable)));
    assert_eq!(log.0.lock().appends, appends, "an unusable log is not written to");

    log.set(Mode::Well);
    ledger.flush(10);
    let after = ledger.view(&shop()).unwrap();
    assert_eq!((after.audits, after.state), (before.audits, State::Student));
    assert!(matches!(ledger.plan(&shop(), DICE).route, Route::Student { .. }));
    assert_eq!(metrics.handover_log_unavailable().get(), 0.0);
    assert_eq!(metrics.student_share("shop").get(), 1.0);
}

#[test]
fn a_record_that_was_written_after_all_counts_once_the_log_is_read_again() {
    let (log, metrics) = (MemoryLog::default(), metrics());
    let ledger = open_on(&log, &metrics);
    to_student(&ledger);
    log.set(Mode::WrittenYetBroken);
    assert!(ledger.record_audit(&shop(), 1, compared("1", 1.0)).is_err());
    assert_eq!(ledger.view(&shop()).unwrap().audits, 120);
    log.set(Mode::Well);
    ledger.flush(10);
    assert_eq!(ledger.view(&shop()).unwrap().audits, 121);
    audit(&ledger, "1", 1.0);
}

#[test]
fn a_hold_and_a_rollback_are_in_force_at_once_and_written_as_soon_as_they_can_be() {
    for action in [OperatorAction::Hold, OperatorAction::Rollback { to: None }] {
        for mode in [Mode::Broken, Mode::WrittenYetBroken, Mode::MarksBroken] {
            let (log, metrics) = (MemoryLog::default(), metrics());
            let ledger = open_on(&log, &metrics);
            to_student(&ledger);
            ledger.add_candidate(&shop(), 1, candidate(&ledger, "2")).unwrap();
            log.set(mode);
            let outcome = operate(&ledger, action.clone()).unwrap();
            assert_eq!((outcome.written, outcome.switch.to), (false, State::Held), "{mode:?}");
            assert_eq!(state(&ledger), State::Held);
            // Still so after a try that failed.
            ledger.flush(10_000);
            assert_eq!((state(&ledger), ledger.is_available()), (State::Held, false));
            log.set(Mode::Well);
            ledger.flush(100_000);
            assert_eq!((state(&ledger), ledger.plan(&shop(), DICE)), (State::Held, held()));
            let rolled_back = action != OperatorAction::Hold;
            let discarded = ledger.view(&shop()).unwrap().discarded_versions;
            assert_eq!(discarded, if rolled_back { vec![version("1")] } else { Vec::new() }, "{mode:?}");
            drop(ledger);
            let ledger = open_on(&log, &metrics);
            assert_eq!(ledger.plan(&shop(), DICE), held());
            assert_eq!(ledger.view(&shop()).unwrap().discarded_versions, discarded);
        }
    }
}

#[test]
fn a_release_needs_the_log() {
    for mode in [Mode::Broken, Mode::WrittenYetBroken, Mode::MarksBroken] {
        let (log, metrics) = (MemoryLog::default(), metrics());
        let ledger = open_on(&log, &metrics);
        to_student(&ledger);
        operate(&ledger, OperatorAction::Hold).unwrap();
        log.set(mode);
        assert!(operate(&ledger, OperatorAction::Promote).is_err());
        assert_eq!(ledger.plan(&shop(), DICE), unavailable());
        drop(ledger);
        log.set(Mode::Well);
        let ledger = open_on(&log, &metrics);
        assert_eq!(ledger.plan(&shop(), DICE), held(), "{mode:?}: a release that was refused is none");
        assert!(operate(&ledger, OperatorAction::Promote).unwrap().written);
        assert_eq!(state(&ledger), State::Canary);
    }
}

#[test]
fn a_log_that_does_not_open_gives_a_ledger_that_asks_the_teacher_and_opens_it_later() {
    let (log, metrics) = (MemoryLog::default(), metrics());
    to_student(&open_on(&log, &metrics));
    log.set(Mode::Broken);
    let ledger = open_on(&log, &metrics);
    assert!(ledger.register(&shop()));
    assert_eq!((ledger.plan(&shop(), DICE), metrics.handover_log_unavailable().get()), (unavailable(), 1.0));
    assert!(matches!(operate(&ledger, OperatorAction::Promote), Err(LedgerError::LogUnavailable)));
    let back = OperatorAction::Rollback { to: Some(version("1")) };
    assert!(matches!(operate(&ledger, back), Err(LedgerError::LogUnavailable)), "nobody knows what is proven");
    assert!(!operate(&ledger, OperatorAction::Hold).unwrap().written);
    log.set(Mode::Well);
    ledger.flush(10_000);
    assert_eq!(ledger.plan(&shop(), DICE), held());
    assert_eq!((ledger.view(&shop()).unwrap().audits, metrics.handover_log_unavailable().get()), (120, 0.0));
}

#[test]
fn a_failed_log_is_tried_again_after_a_while_that_grows_up_to_half_a_minute() {
    let (log, metrics) = (MemoryLog::default(), metrics());
    log.set(Mode::Broken);
    let ledger = open_on(&log, &metrics);
    log.set(Mode::Well);
    ledger.flush(1_000);
    assert!(!ledger.is_available(), "a second has not passed");
    ledger.flush(1_001);
    assert!(ledger.is_available());
    log.set(Mode::Broken);
    assert!(ledger.register(&shop()));
    assert!(!operate(&ledger, OperatorAction::Hold).unwrap().written);
    let mut tries = Vec::new();
    for now in (2_000..130_000).step_by(1_000) {
        let before = ledger.writer.lock().retry_at_ms;
        ledger.flush(now);
        if ledger.writer.lock().retry_at_ms != before {
            tries.push(now);
        }
    }
    assert_eq!(tries, [2_000, 3_000, 5_000, 9_000, 17_000, 33_000, 63_000, 93_000, 123_000]);
    // A clock that was set back does not put it off for ever.
    ledger.flush(5);
    assert_eq!(ledger.writer.lock().retry_at_ms, 30_005);
}

#[test]
fn a_switch_that_failures_call_for_waits_for_the_log_and_the_teacher_answers() {
    let (log, metrics) = (MemoryLog::default(), metrics());
    let ledger = open_on(&log, &metrics);
    to_student(&ledger);
    log.set(Mode::Broken);
    (0..20).for_each(|_| ledger.student_failed(&shop(), &version("1"), 3));
    ledger.flush(10);
    assert_eq!(ledger.plan(&shop(), DICE), unavailable());
    log.set(Mode::Well);
    ledger.flush(100_000);
    assert_eq!(ledger.view(&shop()).unwrap().last_switch.unwrap().cause, Cause::Failures);
    assert_eq!(state(&ledger), State::Teacher);
}

#[test]
fn a_hold_beats_failures_that_are_in_flight() {
    for round in 0..100 {
        let (log, metrics) = (MemoryLog::default(), metrics());
        let ledger = Arc::new(open_on(&log, &metrics));
        to_student(&ledger);
        let serving = ledger.clone();
        let failing = std::thread::spawn(move || {
            (0..40).for_each(|_| serving.student_failed(&shop(), &version("1"), 3));
            serving.flush(4);
        });
        if round % 2 == 0 {
            std::thread::yield_now();
        }
        assert!(operate(&ledger, OperatorAction::Hold).unwrap().written);
        failing.join().unwrap();
        ledger.flush(5);
        assert_eq!((state(&ledger), ledger.plan(&shop(), DICE)), (State::Held, held()), "round {round}");
    }
}

#[test]
fn a_snapshot_and_the_tail_replay_to_what_all_records_replay_to() {
    let (log, metrics) = (MemoryLog::default(), metrics());
    let ledger = open_on(&log, &metrics);
    to_student(&ledger);
    (0..30).for_each(|_| audit(&ledger, "1", 1.0));
    ledger.add_candidate(&shop(), 1, candidate(&ledger, "2")).unwrap();
    ledger.writer.lock().uncompacted = 9_999;
    audit(&ledger, "2", 1.0);
    assert!(log.0.lock().snapshot.is_some() && log.0.lock().entries.is_empty());
    (0..50).for_each(|_| audit(&ledger, "2", 1.0));
    let (view, entries) = (ledger.view(&shop()).unwrap(), ledger.entries(None, None, 10_000));
    drop(ledger);
    let ledger = open_on(&log, &metrics);
    assert_eq!((ledger.view(&shop()).unwrap(), ledger.entries(None, None, 10_000)), (view, entries));
    audit(&ledger, "2", 1.0);
}

/// The same on a real file system: a process whose files may not grow beyond 32 KiB and which lifts that limit later.
#[test]
fn on_a_real_full_disk_a_rollback_is_in_force_and_written_once_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let test = "tests::failing::in_a_process_of_its_own_the_disk_fills_up_and_is_freed";
    let script = format!("trap '' XFSZ; ulimit -S -f 64; exec \"$0\" --exact {test} --include-ignored --nocapture");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).arg(std::env::current_exe().unwrap()).env("LEDGER_TEST_DIR", dir.path());
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let ledger = open(dir.path());
    let view = ledger.view(&shop()).unwrap();
    assert_eq!((view.state, view.discarded_versions), (State::Held, vec![version("1")]));
    assert_eq!(ledger.metrics.handover_log_damaged_total().get(), 0);
}

#[test]
#[ignore = "started by the test above"]
fn in_a_process_of_its_own_the_disk_fills_up_and_is_freed() {
    let Some(dir) = std::env::var_os("LEDGER_TEST_DIR") else { return };
    let ledger = open(Path::new(&dir));
    assert!(ledger.register(&shop()));
    ledger.add_candidate(&shop(), 1, candidate(&ledger, "1")).unwrap();
    let written = (0..1_000).take_while(|_| ledger.record_audit(&shop(), 1, compared("1", 1.0)).is_ok()).count();
    assert!((79..999).contains(&written), "{written} audits before the disk was full");
    assert_eq!(state(&ledger), State::Student);
    assert_eq!(ledger.plan(&shop(), DICE), unavailable());
    let outcome = operate(&ledger, OperatorAction::Rollback { to: None }).unwrap();
    assert!(!outcome.written);
    ledger.flush(10_000);
    assert_eq!((state(&ledger), ledger.plan(&shop(), DICE)), (State::Held, unavailable()));

    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    let more = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, more).unwrap();
    ledger.flush(100_000);
    assert_eq!(ledger.plan(&shop(), DICE), held());
    let entries = ledger.entries(None, None, 10_000);
    let audits = entries.iter().filter(|entry| matches!(entry.record, Record::Audit(_))).count();
    assert_eq!(audits, written, "every audit that was acknowledged, and no other");
}

#[test]
fn a_directory_that_cannot_be_made_gives_a_ledger_that_asks_the_teacher() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let ledger = open(&file.join("ledger"));
    assert_eq!(ledger.plan(&shop(), DICE), unavailable());
    std::fs::remove_file(&file).unwrap();
    ledger.flush(10_000);
    to_student(&ledger);
}
