//! A student that does not answer.

use super::{Driven, version};
use crate::*;

fn fail(driven: &mut Driven, name: &str, times: u32) {
    (0..times).for_each(|at| driven.failures.failed(&version(name), 20, u64::from(at)));
}

#[test]
fn no_answer_is_a_failure_and_never_drift() {
    let mut driven = Driven::serving("1");
    let before = driven.site.incumbent.clone().unwrap();
    (0..500).for_each(|_| driven.outcome("1", AuditOutcome::NoAnswer));
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!(driven.site.state, State::Student);
    assert_eq!(
        (&trial.drift, trial.step_audits, driven.site.stale_before_ms),
        (&before.drift, before.step_audits, None)
    );
    assert_eq!(trial.audits(), before.audits() + 500);
    assert!(trial.gate.raw().mean().unwrap() < 0.2, "each counts as quality 0");
    assert!(trial.coverage() < 0.2, "and as not covered");
}

#[test]
fn a_version_that_does_not_answer_never_leaves_shadow() {
    let mut driven = Driven::default();
    driven.candidate("1");
    (0..300).for_each(|_| driven.outcome("1", AuditOutcome::NoAnswer));
    assert_eq!(driven.site.state, State::Shadow);
}

#[test]
fn failures_in_a_row_stop_the_incumbent_at_once_and_call_for_a_switch() {
    let mut driven = Driven::serving("1");
    fail(&mut driven, "1", 19);
    assert_eq!((driven.served_by(0.0), driven.site.due_to_failures(&driven.failures)), ("1".into(), None));
    fail(&mut driven, "1", 1);
    assert_eq!(driven.plan(0.0, 0.9), Plan::teacher(Because::StudentFailing));
    let switch = driven.site.due_to_failures(&driven.failures).unwrap();
    assert_eq!((switch.from, switch.to, switch.cause), (State::Student, State::Teacher, Cause::Failures));
    driven.write(Record::Switch(switch));
    assert_eq!((driven.site.state, driven.site.stale_before_ms), (State::Teacher, None));
    assert_eq!(driven.site.proven().count(), 1, "a student that was broken may be mended and rolled back to");
}

#[test]
fn a_broken_version_that_is_mended_serves_on_all_that_it_had_shown() {
    let mut driven = Driven::serving("1");
    (0..9).for_each(|_| driven.audit(1.0));
    let audits = driven.site.incumbent.as_ref().unwrap().audits();
    fail(&mut driven, "1", 20);
    let switch = driven.site.due_to_failures(&driven.failures).unwrap();
    driven.write(Record::Switch(switch));
    driven.failures.clear();
    driven.candidate("2");
    driven.operate(OperatorAction::Rollback { to: Some(version("1")) }).unwrap();
    assert_eq!((driven.served_by(0.9), driven.challenger()), ("1".into(), "2"));
    assert_eq!(driven.site.incumbent.as_ref().unwrap().audits(), audits);
    assert_eq!(driven.replayed(), driven.site);
}

#[test]
fn any_answer_ends_the_row() {
    let mut driven = Driven::serving("1");
    fail(&mut driven, "1", 19);
    driven.failures.answered(&version("1"));
    fail(&mut driven, "1", 19);
    driven.failures.answered(&version("2"));
    assert!(!driven.failures.is_failing(&version("1")));
    fail(&mut driven, "1", 1);
    assert!(driven.failures.is_failing(&version("1")));
}

#[test]
fn a_late_answer_does_not_undo_a_switch_that_is_on_its_way() {
    let mut driven = Driven::serving("1");
    fail(&mut driven, "1", 20);
    driven.failures.answered(&version("1"));
    assert!(driven.failures.is_failing(&version("1")));
    assert_eq!(driven.failures.since_ms(), Some(19));
    driven.failures.clear();
    assert_eq!(driven.failures, Failures::default());
}

#[test]
fn a_failing_challenger_is_dropped_and_the_incumbent_goes_on() {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    fail(&mut driven, "2", 20);
    assert_eq!(driven.site.due_to_failures(&driven.failures), None, "it serves nobody yet");
    driven.challenger_serves();
    assert_eq!(driven.served_by(0.0), "1");
    let switch = driven.site.due_to_failures(&driven.failures).unwrap();
    assert_eq!((switch.role, switch.to, switch.cause), (Role::Challenger, State::Teacher, Cause::Failures));
    driven.write(Record::Switch(switch));
    assert_eq!((driven.incumbent(), driven.challenger(), driven.site.state), ("1", "none", State::Student));
}

#[test]
fn a_failing_incumbent_leaves_its_challenger_on_trial_with_its_evidence() {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    (0..20).for_each(|_| driven.audit_of("2", 1.0));
    fail(&mut driven, "1", 20);
    let switch = driven.site.due_to_failures(&driven.failures).unwrap();
    driven.write(Record::Switch(switch));
    assert_eq!((driven.site.state, driven.incumbent()), (State::Shadow, "2"));
    assert_eq!(driven.site.incumbent.as_ref().unwrap().audits(), 20);
}
