//! What a person may ask.

use super::{Driven, version};
use crate::*;

const BACK: OperatorAction = OperatorAction::Rollback { to: None };

fn to(name: &str) -> OperatorAction {
    OperatorAction::Rollback { to: Some(version(name)) }
}

fn discard(name: &str) -> OperatorAction {
    OperatorAction::Discard { version: version(name) }
}

/// A site where "2" has replaced "1".
fn second() -> Driven {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    (0..300).find(|_| {
        driven.audit_of("2", 1.0);
        driven.incumbent() == "2"
    });
    driven
}

#[test]
fn a_hold_keeps_the_evidence_and_a_release_goes_through_the_canary() {
    let mut driven = Driven::serving("1");
    driven.operate(OperatorAction::Hold).unwrap();
    assert_eq!((driven.site.state, driven.served_by(0.0)), (State::Held, "teacher".into()));
    assert_eq!(driven.plan(0.0, 0.0), Plan::teacher(Because::State(State::Held)));
    (0..100).for_each(|_| driven.audit(1.0));
    assert_eq!(driven.site.state, State::Held);
    driven.operate(OperatorAction::Promote).unwrap();
    assert_eq!(
        (driven.site.state, driven.served_by(0.05), driven.served_by(0.5)),
        (State::Canary, "1".into(), "teacher".into())
    );
    assert_eq!(driven.until(State::Student, 1.0, 80), 30);
}

#[test]
fn a_rollback_discards_the_version_and_holds() {
    let mut driven = Driven::serving("1");
    driven.operate(BACK).unwrap();
    assert_eq!((driven.site.state, driven.incumbent()), (State::Held, "none"));
    assert_eq!((driven.site.discarded.clone(), driven.site.proven().count()), (vec![version("1")], 0));
    assert_eq!(driven.last().reason.as_deref(), Some("test"));
    driven.operate(OperatorAction::Promote).unwrap();
    assert_eq!((driven.site.state, driven.served_by(0.0)), (State::Teacher, "teacher".into()));
    driven.candidate("2");
    driven.until(State::Student, 1.0, 300);
    assert!(driven.operate(to("1")).is_err());
}

#[test]
fn a_rollback_discards_a_challenger_only_if_clients_have_seen_it() {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    driven.operate(BACK).unwrap();
    assert_eq!((driven.incumbent(), driven.site.discarded.clone()), ("2", vec![version("1")]));
    driven.operate(OperatorAction::Promote).unwrap();
    assert_eq!(driven.site.state, State::Shadow);

    let mut driven = Driven::serving("1");
    driven.candidate("2");
    driven.challenger_serves();
    driven.operate(BACK).unwrap();
    assert_eq!((driven.incumbent(), driven.site.discarded.clone()), ("none", vec![version("1"), version("2")]));
}

#[test]
fn a_rollback_to_a_proven_version_serves_it_again() {
    let mut driven = second();
    driven.candidate("3");
    driven.operate(to("1")).unwrap();
    assert_eq!((driven.site.state, driven.served_by(0.5)), (State::Student, "1".into()));
    assert_eq!(driven.challenger(), "3", "what never served stays on trial");
    assert!(driven.site.incumbent.as_ref().unwrap().drift.log_statistic().is_infinite(), "watched afresh");
    driven.operate(to("2")).unwrap();
    assert_eq!((driven.served_by(0.5), driven.site.proven().count()), ("2".into(), 2));
}

#[test]
fn a_rollback_keeps_the_newest_evidence_of_what_it_turns_away() {
    let mut driven = second();
    (0..50).for_each(|_| driven.audit(1.0));
    let audits = driven.site.incumbent.as_ref().unwrap().audits();
    driven.operate(to("1")).unwrap();
    driven.operate(to("2")).unwrap();
    assert_eq!(driven.site.incumbent.as_ref().unwrap().audits(), audits);
}

#[test]
fn a_rollback_to_the_version_that_serves_already_forgets_none_of_its_audits() {
    let mut driven = Driven::serving("1");
    driven.audit(0.5);
    let audits = driven.site.incumbent.as_ref().unwrap().audits();
    driven.operate(to("1")).unwrap();
    assert_eq!(driven.site.incumbent.as_ref().unwrap().audits(), audits);
}

#[test]
fn a_new_trial_of_a_proven_version_does_not_cost_it_its_proof() {
    let mut driven = second();
    driven.operate(OperatorAction::Hold).unwrap();
    driven.candidate("1");
    driven.operate(to("2")).unwrap();
    assert_eq!((driven.incumbent(), driven.challenger()), ("2", "1"));
    driven.operate(to("1")).unwrap();
    assert_eq!((driven.served_by(0.5), driven.challenger()), ("1".into(), "none"));
}

#[test]
fn a_version_on_trial_survives_a_rollback_but_a_served_one_does_not_come_back_by_itself() {
    let mut driven = second();
    driven.operate(OperatorAction::Hold).unwrap();
    driven.operate(to("1")).unwrap();
    assert_eq!((driven.incumbent(), driven.challenger()), ("1", "none"), "2 had served");
    driven.until(State::Teacher, 0.0, 30);
    driven.candidate("4");
    driven.operate(to("2")).unwrap();
    assert_eq!((driven.incumbent(), driven.challenger(), driven.site.state), ("2", "4", State::Student));
}

#[test]
fn what_drift_threw_out_cannot_be_rolled_back_to() {
    let mut driven = second();
    driven.until(State::Teacher, 0.0, 30);
    let error = driven.operate(to("2")).unwrap_err();
    assert!(
        error.to_string().contains("`2` is not proven") && error.to_string().contains("proven versions: 1"),
        "{error}"
    );
    driven.operate(to("1")).unwrap();
    assert_eq!(driven.served_by(0.9), "1");
}

#[test]
fn a_discarded_incumbent_sends_the_site_to_the_teacher_or_to_its_challenger() {
    let mut driven = Driven::serving("1");
    driven.operate(discard("1")).unwrap();
    assert_eq!((driven.site.state, driven.incumbent(), driven.site.proven().count()), (State::Teacher, "none", 0));

    let mut driven = Driven::serving("1");
    driven.candidate("2");
    driven.audit_of("2", 1.0);
    driven.operate(discard("1")).unwrap();
    assert_eq!((driven.site.state, driven.incumbent()), (State::Shadow, "2"));
    assert_eq!(driven.site.incumbent.as_ref().unwrap().audits(), 1, "its evidence is not stale");

    let mut driven = Driven::serving("1");
    driven.operate(OperatorAction::Hold).unwrap();
    driven.operate(discard("1")).unwrap();
    assert_eq!((driven.site.state, driven.incumbent()), (State::Held, "none"));
}

#[test]
fn a_discarded_challenger_or_proven_version_moves_nobody() {
    let mut driven = second();
    driven.candidate("3");
    driven.operate(discard("1")).unwrap();
    assert_eq!((driven.site.state, driven.incumbent(), driven.challenger()), (State::Student, "2", "3"));
    driven.operate(discard("3")).unwrap();
    assert_eq!(
        (driven.last().role, driven.last().from, driven.last().to),
        (Role::Challenger, State::Shadow, State::Teacher)
    );
    assert_eq!((driven.site.state, driven.incumbent(), driven.challenger()), (State::Student, "2", "none"));
    assert_eq!(driven.site.discarded, [version("1"), version("3")]);
    assert_eq!(driven.served_by(0.9), "2");
    let step = driven.site.incumbent.as_ref().unwrap().step;
    assert_eq!(step, Some(2));
    assert_eq!(driven.operate(discard("3")), Err(ActionError::UnknownVersion(version("3"))));
}

#[test]
fn a_promotion_that_the_evidence_does_not_allow_says_what_is_missing_in_every_state() {
    let refusal = |driven: &mut Driven| driven.operate(OperatorAction::Promote).unwrap_err().to_string();
    let mut driven = Driven::default();
    assert!(refusal(&mut driven).contains("no version has passed its exam"));
    driven.candidate("1");
    assert!(refusal(&mut driven).contains(
        "lower bound 0.000 of the served answers' quality is below 0.900; no confidence threshold is proven"
    ));
    driven.until(State::Canary, 1.0, 80);
    driven.audit(1.0);
    assert!(refusal(&mut driven).contains("step 1 of 2 of the canary waits for 9 more audits"));
    driven.until(State::Student, 1.0, 80);
    assert!(refusal(&mut driven).contains("a newer version has to pass its exam"));
    driven.candidate("2");
    assert!(refusal(&mut driven).contains("challenger 2: lower bound"));
    driven.challenger_serves();
    let said = refusal(&mut driven);
    assert!(said.contains("challenger 2: its canary waits for") && said.contains("more audits"), "{said}");
    driven.operate(OperatorAction::Hold).unwrap();
    assert_eq!(driven.site.missing(0, &driven.policy), ["a person holds the site"]);
}

#[test]
fn a_hold_whose_release_was_cut_short_stands_again() {
    let mut driven = Driven::serving("1");
    let switch = driven.site.unfinished_release().unwrap();
    assert_eq!((switch.to, switch.cause), (State::Held, Cause::Operator));
    driven.write(Record::Switch(switch));
    assert_eq!(driven.site.unfinished_release(), None);
}
