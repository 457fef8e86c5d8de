use std::path::Path;
use std::sync::Arc;

use handover::*;
use telemetry::Metrics;

use crate::*;

fn open(dir: &Path) -> Ledger {
    let metrics = Arc::new(Metrics::new().unwrap());
    Ledger::open_dir(dir, Box::new(|_| Policy::default()), metrics).unwrap()
}

const DICE: Dice = Dice { route: 0.0, audit: 0.0 };

fn audit(ledger: &Ledger, quality: f64) {
    let version = ledger.view("shop").unwrap().version.unwrap_or_default();
    let audit = Audit { request: "r".into(), version, quality, confidence: 1.0, verified: true, served: false };
    ledger.audit("shop", 1, audit).unwrap();
}

fn to_student(ledger: &Ledger) {
    assert_eq!(ledger.plan("shop", DICE).route, Route::Teacher);
    ledger.candidate("shop", 1, Candidate { version: "1".into(), grid: vec![0.5, 0.0], exam: 1.0 }).unwrap();
    (0..120).for_each(|_| audit(ledger, 1.0));
    assert_eq!(ledger.view("shop").unwrap().state, State::Student);
}

#[test]
fn a_restart_stands_where_it_stood() {
    let dir = tempfile::tempdir().unwrap();
    let before = {
        let ledger = open(dir.path());
        to_student(&ledger);
        ledger.view("shop").unwrap()
    };
    let ledger = open(dir.path());
    assert_eq!(ledger.view("shop").unwrap(), before);
    assert!(matches!(ledger.plan("shop", DICE).route, Route::Student { .. }));
}

#[test]
fn a_rollback_holds_from_the_next_request_and_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let ledger = open(dir.path());
        to_student(&ledger);
        ledger.steer("shop", 2, &Steer::Rollback { to: None }, Some("players complained".into())).unwrap();
        assert_eq!(ledger.plan("shop", DICE), Plan::teacher("held"));
    }
    let ledger = open(dir.path());
    assert_eq!(ledger.plan("shop", DICE), Plan::teacher("held"));
    let last = ledger.entries(Some("shop"), 1).unwrap();
    assert!(
        matches!(&last[0].record, Record::Switch(switch) if switch.reason.as_deref() == Some("players complained"))
    );
}

#[test]
fn every_switch_is_in_the_log_and_in_the_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let ledger = Ledger::open_dir(dir.path(), Box::new(|_| Policy::default()), metrics.clone()).unwrap();
    to_student(&ledger);
    (0..20).for_each(|_| audit(&ledger, 0.0));
    let switches: Vec<(State, State)> = ledger
        .entries(None, 10_000)
        .unwrap()
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Switch(switch) => Some((switch.from, switch.to)),
            _ => None,
        })
        .collect();
    use State::{Canary, Shadow, Student, Teacher};
    assert_eq!(
        switches,
        [(Teacher, Shadow), (Shadow, Canary), (Canary, Canary), (Canary, Student), (Student, Teacher)]
    );
    assert_eq!(metrics.rollbacks.with_label_values(&["shop", "drift"]).get(), 1);
}

#[test]
fn a_student_that_keeps_failing_is_sent_away() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    (0..Policy::default().failures_max).for_each(|_| ledger.student_failed("shop", 3).unwrap());
    assert_eq!(ledger.view("shop").unwrap().state, State::Teacher);
}

#[test]
fn sites_past_the_cap_go_to_the_teacher() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    (0..SITES_MAX).for_each(|n| assert!(ledger.admits(&format!("s{n}"))));
    assert!(!ledger.admits("one-more"));
    assert_eq!(ledger.plan("one-more", DICE), Plan::teacher("too-many-sites"));
    assert!(ledger.admits("s0"));
}

#[test]
fn steering_an_unknown_site_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = open(dir.path()).steer("nobody", 1, &Steer::Hold, None).unwrap_err();
    assert!(error.to_string().contains("no call site `nobody`"));
}
