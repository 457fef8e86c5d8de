//! Steps, gates, caps and pauses.

use super::{Driven, audit, compared};
use crate::policy::{CanaryStep, step};
use crate::*;

#[test]
fn a_paused_site_stays_at_its_weight_and_still_falls_back() {
    let mut driven = Driven::default();
    driven.candidate("1");
    driven.until(State::Canary, 1.0, 80);
    driven.operate(OperatorAction::Pause).unwrap();
    (0..100).for_each(|_| driven.audit(1.0));
    assert_eq!(
        (driven.site.state, driven.served_by(0.09), driven.served_by(0.2)),
        (State::Canary, "1".into(), "teacher".into())
    );
    assert!(driven.site.missing(0, &driven.policy).iter().any(|text| text.contains("paused")));
    driven.operate(OperatorAction::Promote).unwrap();
    assert_eq!(driven.served_by(0.4), "1", "one step by hand");
    (0..100).for_each(|_| driven.audit(1.0));
    assert_eq!(driven.site.state, State::Canary);
    (0..30).for_each(|_| driven.audit(0.0));
    assert_eq!((driven.site.state, driven.last().cause), (State::Teacher, Cause::Drift));
}

#[test]
fn resumed_it_goes_on() {
    let mut driven = Driven::default();
    driven.candidate("1");
    driven.until(State::Canary, 1.0, 80);
    driven.operate(OperatorAction::Pause).unwrap();
    (0..10).for_each(|_| driven.audit(1.0));
    driven.operate(OperatorAction::Resume).unwrap();
    assert_eq!((driven.site.state, driven.served_by(0.4)), (State::Canary, "1".into()));
    assert_eq!(driven.site.last_switch.as_ref().unwrap().step, 1);
    assert_eq!(driven.replayed(), driven.site);
}

#[test]
fn a_cap_limits_the_share_in_every_serving_state() {
    let mut driven = Driven::serving("1");
    driven.operate(OperatorAction::Cap { share: 0.3 }).unwrap();
    assert_eq!((driven.served_by(0.29), driven.served_by(0.3)), ("1".into(), "teacher".into()));
    assert_eq!(driven.plan(0.3, 0.9).because, Because::CanaryDice);
    driven.operate(OperatorAction::Cap { share: 1.0 }).unwrap();
    assert_eq!(driven.served_by(0.99), "1");
    driven.policy.share_max = 0.5;
    assert_eq!((driven.served_by(0.49), driven.served_by(0.5)), ("1".into(), "teacher".into()));
    for share in [0.0, -1.0, 1.5, f64::NAN] {
        assert!(driven.operate(OperatorAction::Cap { share }).unwrap_err().to_string().contains("(0, 1]"));
    }
}

#[test]
fn released_into_shadow_it_is_compared_and_waits_for_a_person() {
    let mut driven = Driven::serving("1");
    driven.operate(OperatorAction::Shadow).unwrap();
    (0..100).for_each(|_| driven.audit(1.0));
    assert_eq!((driven.site.state, driven.served_by(0.0), driven.incumbent()), (State::Shadow, "teacher".into(), "1"));
    assert!(driven.plan(0.0, 0.1).audit.is_some());
    driven.operate(OperatorAction::Resume).unwrap();
    assert_eq!(driven.site.state, State::Canary);
    assert!(Driven::default().operate(OperatorAction::Shadow).is_err());
}

#[test]
fn a_shadow_only_site_never_serves_and_goes_on_at_once_when_it_may() {
    let mut driven = Driven { policy: Policy { shadow_only: true, ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    (0..200).for_each(|_| driven.audit(1.0));
    assert_eq!(driven.site.state, State::Shadow);
    driven.policy.shadow_only = false;
    assert_eq!(driven.site.due_to_rules(&driven.policy, &driven.basis), None, "its evidence stands");
    driven.audit(1.0);
    assert_eq!(driven.site.state, State::Canary);
}

#[test]
fn a_gate_waits_for_a_person_and_for_the_evidence() {
    let gated = CanaryStep { gate: true, ..step(0.5, 20) };
    let mut driven =
        Driven { policy: Policy { canary: vec![step(0.1, 10), gated], ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    driven.until(State::Canary, 1.0, 80);
    assert!(driven.operate(OperatorAction::Promote).unwrap_err().to_string().contains("10 more audits"));
    (0..40).for_each(|_| driven.audit(1.0));
    assert_eq!(driven.served_by(0.2), "teacher");
    assert!(driven.site.missing(0, &driven.policy).iter().any(|text| text.contains("waits for a person")));
    driven.operate(OperatorAction::Promote).unwrap();
    assert_eq!(driven.served_by(0.2), "1");
    assert_eq!((driven.last().actor.as_deref(), driven.last().cause), (Some("tester"), Cause::Evidence));
    assert_eq!(driven.until(State::Student, 1.0, 30), 20);
}

#[test]
fn a_step_takes_its_least_time_and_users() {
    let slow = CanaryStep { minutes: 1.0, users: 2, ..step(0.5, 1) };
    let mut driven = Driven { policy: Policy { canary: vec![slow], ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    driven.until(State::Canary, 1.0, 80);
    let since = driven.site.incumbent.as_ref().unwrap().step_since_ms;
    let by = |user, prompt| Record::Audit(Audit { user, outcome: compared(1.0, 0.99, true), ..audit(prompt) });
    driven.write(by(Some(1), 5_000_001));
    driven.write(by(Some(1), 5_000_002));
    driven.write(by(None, 5_000_003));
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!(trial.step_missing(since), ["1.0 more minutes", "1 more users"]);
    driven.write(by(Some(2), 5_000_004));
    assert_eq!(driven.site.due(since + 59_999, &driven.policy, &driven.health), None);
    assert_eq!(driven.site.due(since + 60_000, &driven.policy, &driven.health).unwrap().to, State::Student);
}

#[test]
fn a_step_that_began_on_a_clock_that_was_ahead_does_not_wait_for_that_moment() {
    let slow = CanaryStep { minutes: 1.0, ..step(0.5, 1) };
    let mut driven = Driven { policy: Policy { canary: vec![slow], ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    driven.until(State::Canary, 1.0, 80);
    let a_year = 31_536_000_000;
    let begun = driven.last().clone();
    // As if the switch had been made on that clock.
    let again = Switch { from: State::Canary, ..begun };
    driven.site.apply(a_year, &Record::Switch(again));
    assert_eq!(driven.site.incumbent.as_ref().unwrap().step_since_ms, a_year);
    let at_ms = driven.log.len() as u64;
    driven.audit(1.0);
    assert_eq!(
        driven.site.due(at_ms + 59_999, &driven.policy, &driven.health),
        None,
        "what went by before is not known"
    );
    assert_eq!(driven.site.due(at_ms + 60_000, &driven.policy, &driven.health).unwrap().to, State::Student);
}
