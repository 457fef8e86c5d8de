//! A newer version beside one that serves.

use super::{Driven, version};
use crate::*;

/// A site that serves "1", with "2" proven as far as its first canary step.
fn beside() -> Driven {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    driven.challenger_serves();
    driven
}

#[test]
fn a_new_version_takes_nothing_from_one_that_serves() {
    for state in [State::Canary, State::Student] {
        let mut driven = Driven::default();
        driven.candidate("1");
        driven.until(state, 1.0, 200);
        driven.candidate("2");
        assert_eq!((driven.site.state, driven.incumbent(), driven.challenger()), (state, "1", "2"));
        assert_eq!(driven.served_by(0.0), "1");
        let trial = driven.site.challenger.as_ref().unwrap();
        assert_eq!((trial.audits(), trial.step, trial.number), (0, None, 2));
    }
}

#[test]
fn a_challenger_walks_its_own_canary_and_replaces_the_incumbent_only_at_its_end() {
    let mut driven = beside();
    let first = driven.last().clone();
    assert_eq!((first.role, first.from, first.to, first.step), (Role::Challenger, State::Shadow, State::Canary, 0));
    assert!(first.audits > 49 && first.lower_bound.unwrap() >= 0.9, "its own evidence, under the second budget");
    assert_eq!(driven.site.state, State::Student);
    assert_eq!((driven.served_by(0.05), driven.served_by(0.2)), ("2".into(), "1".into()));
    assert_eq!(driven.plan(0.05, 0.9).because, Because::Challenger);
    (0..10).for_each(|_| driven.audit_of("2", 1.0));
    assert_eq!((driven.served_by(0.49), driven.served_by(0.5)), ("2".into(), "1".into()));
    (0..19).for_each(|_| driven.audit_of("2", 1.0));
    assert_eq!(driven.incumbent(), "1");
    driven.audit_of("2", 1.0);
    assert_eq!((driven.incumbent(), driven.challenger(), driven.site.state), ("2", "none", State::Student));
    assert_eq!((driven.last().from, driven.last().to), (State::Canary, State::Student));
    assert_eq!(driven.served_by(0.9), "2");
    let proven: Vec<&str> = driven.site.proven().map(|trial| trial.version().as_str()).collect();
    assert_eq!(proven, ["1", "2"]);
}

#[test]
fn audits_of_the_incumbent_say_nothing_about_the_challenger() {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    (0..500).for_each(|_| driven.audit_of("1", 1.0));
    assert_eq!(driven.site.challenger.as_ref().unwrap().audits(), 0);
    assert_eq!((driven.site.state, driven.incumbent()), (State::Student, "1"));
}

#[test]
fn a_challenger_waits_in_shadow_until_the_incumbents_canary_is_over() {
    let mut driven = Driven::default();
    driven.candidate("1");
    driven.until(State::Canary, 1.0, 80);
    driven.candidate("2");
    (0..300).for_each(|_| driven.audit_of("2", 1.0));
    assert_eq!(driven.site.challenger.as_ref().unwrap().step, None);
    driven.until(State::Student, 1.0, 80);
    assert_eq!(driven.site.challenger.as_ref().unwrap().step, Some(0));
}

#[test]
fn drift_of_a_challenger_drops_it_and_leaves_the_incumbent() {
    let mut driven = beside();
    (0..20).for_each(|_| driven.audit_of("2", 0.0));
    assert_eq!((driven.site.state, driven.incumbent(), driven.challenger()), (State::Student, "1", "none"));
    assert_eq!(
        (driven.last().role, driven.last().to, driven.last().cause),
        (Role::Challenger, State::Teacher, Cause::Drift)
    );
    assert_eq!((driven.last().version.clone(), driven.last().from), (Some(version("2")), State::Canary));
    assert_eq!((driven.served_by(0.0), driven.site.stale_before_ms), ("1".into(), None));
}

#[test]
fn drift_of_the_incumbent_leaves_the_challenger_on_trial_with_nothing_stale() {
    let mut driven = beside();
    (0..20).for_each(|_| driven.audit_of("1", 0.0));
    assert_eq!((driven.site.state, driven.incumbent(), driven.challenger()), (State::Shadow, "2", "none"));
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!((trial.step, trial.audits(), trial.number), (None, 0, 3));
    assert!(driven.site.stale_before_ms.is_some());
    assert_eq!(driven.served_by(0.0), "teacher");
    // It climbs again on what it shows from now on.
    assert!(driven.until(State::Canary, 1.0, 200) > 49);
}

#[test]
fn a_version_that_drift_threw_out_does_not_come_back_as_its_own_challenger() {
    let mut driven = Driven::serving("1");
    driven.policy.quality_min = 0.88;
    driven.rules_changed();
    assert_eq!(driven.challenger(), "1");
    (0..20).for_each(|_| driven.audit_of("1", 0.0));
    assert_eq!((driven.site.state, driven.incumbent()), (State::Teacher, "none"));
}

#[test]
fn drift_of_another_trial_of_a_version_undoes_its_proof_and_leaves_it_where_it_serves() {
    let policy = Policy { quality_floor: 0.50, ..Policy::default() };
    let mut driven = Driven { policy, ..Driven::default() };
    driven.candidate("1");
    driven.until(State::Student, 1.0, 200);
    driven.policy.quality_floor = 0.90;
    driven.rules_changed();
    driven.challenger_serves();
    (0..20).find(|_| {
        driven.audit_of("1", 0.6);
        driven.challenger() == "none"
    });
    assert_eq!((driven.last().role, driven.last().cause), (Role::Challenger, Cause::Drift));
    assert_eq!((driven.incumbent(), driven.challenger(), driven.served_by(0.5)), ("1", "none", "1".into()));
    assert_eq!(driven.site.proven().count(), 0);
    driven.candidate("2");
    (0..300).find(|_| {
        driven.audit_of("2", 1.0);
        driven.incumbent() == "2"
    });
    assert_eq!(driven.site.proven().map(Trial::version).collect::<Vec<_>>(), [&version("2")]);
    assert_eq!(driven.replayed(), driven.site);
}

#[test]
fn a_proof_outlasts_a_newer_version_that_takes_over_the_trial() {
    let mut driven = beside();
    driven.operate(OperatorAction::Shadow).unwrap();
    (0..200).for_each(|_| driven.audit_of("1", 0.0));
    driven.operate(OperatorAction::Resume).unwrap();
    assert_eq!((driven.site.state, driven.incumbent()), (State::Canary, "2"));
    driven.operate(OperatorAction::Rollback { to: Some(version("1")) }).unwrap();
    assert_eq!((driven.incumbent(), driven.site.proven().count()), ("1", 1));
}

#[test]
fn a_newer_challenger_replaces_an_older_one() {
    let mut driven = beside();
    driven.candidate("3");
    assert_eq!((driven.incumbent(), driven.challenger()), ("1", "3"));
    assert_eq!(driven.site.challenger.as_ref().unwrap().step, None);
    assert_eq!(driven.served_by(0.0), "1");
}

#[test]
fn a_new_version_replaces_one_in_shadow_and_waits_where_a_person_holds() {
    let mut driven = Driven::default();
    driven.candidate("1");
    driven.audit(1.0);
    driven.candidate("2");
    assert_eq!((driven.site.state, driven.incumbent(), driven.challenger()), (State::Shadow, "2", "none"));
    driven.operate(OperatorAction::Hold).unwrap();
    driven.candidate("3");
    assert_eq!((driven.site.state, driven.incumbent()), (State::Held, "3"));
    (0..200).for_each(|_| driven.audit_of("3", 1.0));
    assert_eq!((driven.site.state, driven.served_by(0.0)), (State::Held, "teacher".into()));
}

#[test]
fn where_nobody_serves_a_challenger_that_is_ready_takes_over_the_trial() {
    let mut driven = beside();
    driven.operate(OperatorAction::Hold).unwrap();
    // While it is held the incumbent turns bad and the challenger does not.
    (0..200).for_each(|_| driven.audit_of("1", 0.0));
    driven.operate(OperatorAction::Promote).unwrap();
    assert_eq!((driven.site.state, driven.incumbent(), driven.challenger()), (State::Canary, "2", "none"));
}

/// One audit of "2" whose confidence lies above its threshold or below all of them.
fn audit_covered(driven: &mut Driven, covered: bool) {
    driven.outcome("2", super::compared(1.0, if covered { 0.99 } else { 0.0 }, covered));
}

#[test]
fn a_challenger_that_covers_fewer_requests_waits_and_leaves_in_the_end() {
    let mut driven = Driven { policy: Policy { challenger_audits_max: 400, ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    driven.until(State::Student, 1.0, 200);
    driven.candidate("2");
    (0..399).for_each(|at| audit_covered(&mut driven, at % 2 == 0));
    let trial = driven.site.challenger.as_ref().unwrap();
    assert!(trial.may_serve() && trial.step.is_none(), "it is good enough, and worse than what serves");
    let waits = driven.site.missing(0, &driven.policy);
    assert!(waits[0].contains("it covers 0.5") && waits[0].contains("what serves 1.000"), "{waits:?}");
    audit_covered(&mut driven, true);
    assert_eq!((driven.challenger(), driven.incumbent(), driven.site.state), ("none", "1", State::Student));
    assert_eq!(
        (driven.last().cause, driven.last().to, driven.last().role),
        (Cause::Evidence, State::Teacher, Role::Challenger)
    );
    assert_eq!(driven.replayed(), driven.site);
}

#[test]
fn under_another_policy_a_smaller_coverage_is_no_reason_to_wait() {
    let mut driven = Driven::serving("1");
    driven.policy.risk_alpha = 0.09;
    driven.candidate("2");
    (0..400).find(|at| {
        audit_covered(&mut driven, at % 2 == 0);
        driven.site.challenger.as_ref().is_none_or(|trial| trial.step.is_some())
    });
    assert_eq!(driven.site.challenger.as_ref().unwrap().step, Some(0));
}
