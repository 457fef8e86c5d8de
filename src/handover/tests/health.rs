//! A student that does not answer.

use super::{Driven, version};
use crate::*;

fn fail(driven: &mut Driven, name: &str, times: u32) {
    let policy = driven.policy.clone();
    (0..times).for_each(|at| driven.health.failed(&version(name), &policy, u64::from(at)));
}

fn answer(driven: &mut Driven, name: &str, latency_ms: u64) {
    let policy = driven.policy.clone();
    driven.health.answered(&version(name), &policy, latency_ms, 7);
}

/// Cause of the switch that is due to health.
fn due(driven: &Driven) -> Option<Cause> {
    driven.site.due_to_health(&driven.health).map(|switch| switch.cause)
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
    assert_eq!((driven.served_by(0.0), driven.site.due_to_health(&driven.health)), ("1".into(), None));
    fail(&mut driven, "1", 1);
    assert_eq!(driven.plan(0.0, 0.9), Plan::teacher(Because::StudentFailing));
    let switch = driven.site.due_to_health(&driven.health).unwrap();
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
    let switch = driven.site.due_to_health(&driven.health).unwrap();
    driven.write(Record::Switch(switch));
    let standing = driven.site.clone();
    driven.health.switched(standing.live());
    driven.candidate("2");
    driven.operate(OperatorAction::Rollback { to: Some(version("1")) }).unwrap();
    assert_eq!((driven.served_by(0.9), driven.challenger()), ("1".into(), "2"));
    assert_eq!(driven.site.incumbent.as_ref().unwrap().audits(), audits);
    assert_eq!(driven.replayed(), driven.site);
}

#[test]
fn any_answer_ends_the_row() {
    let mut driven = Driven::serving("1");
    driven.policy.errors_max = 0.99;
    fail(&mut driven, "1", 19);
    answer(&mut driven, "1", 5);
    fail(&mut driven, "1", 19);
    answer(&mut driven, "2", 5);
    assert_eq!(driven.health.failing(&version("1")), None);
    fail(&mut driven, "1", 1);
    assert_eq!(driven.health.failing(&version("1")), Some(Cause::Failures));
}

#[test]
fn a_late_answer_does_not_undo_a_switch_that_is_on_its_way() {
    let mut driven = Driven::serving("1");
    fail(&mut driven, "1", 20);
    answer(&mut driven, "1", 5);
    assert_eq!(driven.health.failing(&version("1")), Some(Cause::Failures));
    assert_eq!(driven.health.since_ms(), Some(19));
    let site = driven.site.clone();
    driven.health.switched(site.live());
    assert_eq!((driven.health.failing(&version("1")), driven.health.since_ms()), (None, None));
    driven.health.switched(std::iter::empty());
    assert_eq!(driven.health, Health::default(), "what has left is forgotten");
}

#[test]
fn a_failing_challenger_is_dropped_and_the_incumbent_goes_on() {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    driven.challenger_serves();
    assert_eq!(driven.served_by(0.0), "2");
    fail(&mut driven, "2", 20);
    assert_eq!(driven.served_by(0.0), "1");
    let switch = driven.site.due_to_health(&driven.health).unwrap();
    assert_eq!((switch.role, switch.to, switch.cause), (Role::Challenger, State::Teacher, Cause::Failures));
    driven.write(Record::Switch(switch));
    assert_eq!((driven.incumbent(), driven.challenger(), driven.site.state), ("1", "none", State::Student));
}

#[test]
fn spread_out_failures_are_past_the_error_budget_when_there_are_too_many() {
    let attempts_until = |every: u32| {
        let mut driven = Driven::serving("1");
        let attempts = (1..=5_000).find(|at| {
            if at % every == 0 {
                fail(&mut driven, "1", 1)
            } else {
                answer(&mut driven, "1", 5)
            }
            due(&driven).is_some()
        });
        (attempts, due(&driven))
    };
    let (attempts, cause) = attempts_until(4);
    assert_eq!(cause, Some(Cause::ErrorBudget));
    assert!((20..200).contains(&attempts.unwrap()), "{attempts:?}");
    assert_eq!(attempts_until(50), (None, None), "2 % is within the budget of 5 %");
}

#[test]
fn slow_answers_count_only_against_a_budget_that_is_set() {
    let attempts_until = |latency_max_ms: Option<u64>, slow_every: u32| {
        let mut driven = Driven::serving("1");
        driven.policy.latency_max_ms = latency_max_ms;
        (1..=5_000).find(|at| {
            answer(&mut driven, "1", if at % slow_every == 0 { 901 } else { 900 });
            due(&driven) == Some(Cause::LatencyBudget)
        })
    };
    assert_eq!(attempts_until(None, 1), None);
    assert_eq!(attempts_until(Some(901), 1), None, "the limit itself is in time");
    assert_eq!(attempts_until(Some(900), 50), None);
    assert!(attempts_until(Some(900), 4).is_some_and(|attempts| attempts < 200));
    assert!(attempts_until(Some(900), 1) == Some(22));
}

#[test]
fn a_version_past_its_budget_waits_in_shadow_and_recovers() {
    let mut driven = Driven { policy: Policy { latency_max_ms: Some(100), ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    (0..2_000).for_each(|_| answer(&mut driven, "1", 101));
    (0..60).for_each(|_| driven.audit(1.0));
    assert_eq!((driven.site.state, driven.site.incumbent.as_ref().unwrap().may_serve()), (State::Shadow, true));
    assert_eq!(due(&driven), None, "it serves nobody");
    let told = driven.health.missing(&version("1"), &driven.policy).unwrap();
    assert_eq!(told, "more than 5.0% of its answers take over 100 ms (slow_max, latency_max_ms)");
    let site = driven.site.clone();
    driven.health.switched(site.live());
    driven.audit(1.0);
    assert_eq!(driven.site.state, State::Shadow, "a flush does not forget it");
    (0..20).for_each(|_| answer(&mut driven, "1", 99));
    driven.audit(1.0);
    assert_eq!((driven.site.state, driven.health.missing(&version("1"), &driven.policy)), (State::Canary, None));
}

#[test]
fn a_failing_incumbent_leaves_its_challenger_on_trial_with_its_evidence() {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    (0..20).for_each(|_| driven.audit_of("2", 1.0));
    fail(&mut driven, "1", 20);
    let switch = driven.site.due_to_health(&driven.health).unwrap();
    driven.write(Record::Switch(switch));
    assert_eq!((driven.site.state, driven.incumbent()), (State::Shadow, "2"));
    assert_eq!(driven.site.incumbent.as_ref().unwrap().audits(), 20);
}

#[test]
fn a_latency_budget_that_is_taken_away_keeps_nobody_back() {
    let mut driven = Driven { policy: Policy { latency_max_ms: Some(1), ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    (0..100).for_each(|_| answer(&mut driven, "1", 500));
    (0..60).for_each(|_| driven.audit(1.0));
    assert_eq!(driven.site.state, State::Shadow);
    driven.policy.latency_max_ms = None;
    assert_eq!(driven.health.missing(&version("1"), &driven.policy), None);
    driven.audit(1.0);
    assert_eq!(driven.site.state, State::Canary);
    answer(&mut driven, "1", 500);
    driven.policy.latency_max_ms = Some(1);
    assert!(driven.health.is_within_budgets(&version("1"), &driven.policy), "set again, it begins anew");
}

#[test]
fn a_budget_stays_a_number_at_the_ends_of_what_is_allowed() {
    for (share, drift_audits) in [(1e-300, f64::MAX), (1.0 - f64::EPSILON, f64::MAX), (0.5, 1.0 + f64::EPSILON)] {
        let policy =
            Policy { errors_max: share, slow_max: share, drift_audits, latency_max_ms: Some(1), ..Policy::default() };
        assert_eq!(policy.problems(), Vec::<String>::new());
        let mut health = Health::default();
        for at in 0..10_000 {
            if at % 3 == 0 {
                health.failed(&version("1"), &policy, at);
            } else {
                health.answered(&version("1"), &policy, at % 3, at);
            }
            let (errors, slow) = health.log_statistics(&version("1")).unwrap();
            assert!(!errors.is_nan() && !slow.is_nan(), "{share} {drift_audits}: {errors} {slow} after {at}");
        }
    }
}

#[test]
fn a_failing_version_keeps_its_first_cause_and_moment_until_it_is_switched() {
    let mut driven = Driven::serving("1");
    fail(&mut driven, "1", 20);
    let policy = driven.policy.clone();
    (0..10).for_each(|_| driven.health.failed(&version("1"), &policy, 500));
    driven.health.failed(&version("2"), &Policy { failures_max: 1, ..policy.clone() }, 700);
    assert_eq!((due(&driven), driven.health.since_ms()), (Some(Cause::Failures), Some(19)));
    // It stays on trial: what was in a row is forgotten with the switch, what is past a budget is not.
    let site = driven.site.clone();
    let mut few = Health::default();
    (0..20).for_each(|_| few.failed(&version("1"), &policy, 1));
    few.switched(site.live());
    assert!(few.is_within_budgets(&version("1"), &policy));
    driven.health.switched(site.live());
    assert!(!driven.health.is_within_budgets(&version("1"), &policy));
}
