//! Rules that change under the evidence.

use super::{Driven, candidate, version};
use crate::*;

fn basis(teacher: &str, comparison: &str) -> Basis {
    let pairs = [("teacher", teacher), ("comparison", comparison)];
    Basis(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

#[test]
fn a_changed_policy_tries_the_version_anew_and_leaves_what_serves_to_its_own() {
    let mut driven = Driven::serving("1");
    driven.policy.risk_alpha = 0.01;
    driven.rules_changed();
    assert_eq!((driven.site.state, driven.incumbent(), driven.challenger()), (State::Student, "1", "1"));
    assert_eq!(driven.site.incumbent.as_ref().unwrap().policy().risk_alpha, 0.10);
    let trial = driven.site.challenger.as_ref().unwrap();
    assert_eq!((trial.policy().risk_alpha, trial.number, trial.audits()), (0.01, 2, 0));
    assert_eq!((driven.served_by(0.9), driven.site.incumbent.as_ref().unwrap().threshold()), ("1".into(), Some(0.0)));
    assert_eq!(driven.replayed(), driven.site);
    // Its own evidence carries it through.
    (0..800).find(|_| {
        driven.audit_of("1", 1.0);
        driven.challenger() == "none"
    });
    assert_eq!(driven.site.incumbent.as_ref().unwrap().policy().risk_alpha, 0.01);
    assert_eq!((driven.site.proven.len(), driven.site.state), (1, State::Student));
}

#[test]
fn a_looser_policy_proves_nothing_after_the_fact() {
    let mut driven = Driven::default();
    driven.candidate("1");
    (0..200).for_each(|at| driven.audit(f64::from(u8::from(at % 8 != 0))));
    assert_eq!(driven.site.state, State::Shadow);
    driven.policy.quality_min = 0.70;
    driven.policy.quality_floor = 0.60;
    driven.rules_changed();
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!((driven.site.state, trial.audits(), trial.number), (State::Shadow, 0, 2));
}

#[test]
fn what_holds_at_once_begins_no_trial() {
    let mut driven = Driven::serving("1");
    let policy = driven.policy.clone();
    driven.policy =
        Policy { audit_share_shadow: 0.9, audit_share_serving: 0.8, exam_min: 0.1, failures_max: 3, ..policy };
    assert_eq!(driven.site.due_to_rules(&driven.policy, &driven.basis), None);
}

#[test]
fn every_number_that_evidence_depends_on_begins_a_trial() {
    let driven = Driven::serving("1");
    let base = &driven.policy;
    let changed = [
        Policy { quality_min: 0.89, ..base.clone() },
        Policy { quality_floor: 0.86, ..base.clone() },
        Policy { promote_alpha: 0.04, ..base.clone() },
        Policy { risk_alpha: 0.09, ..base.clone() },
        Policy { risk_delta: 0.09, ..base.clone() },
        Policy { bad_below: 0.4, ..base.clone() },
        Policy { drift_audits: 9_000.0, ..base.clone() },
        Policy { coverage_min: 0.1, ..base.clone() },
        Policy { canary: Vec::new(), ..base.clone() },
    ];
    for policy in changed {
        let due = driven.site.due_to_rules(&policy, &driven.basis);
        assert!(matches!(due, Some(Record::Candidate(ref candidate)) if candidate.policy == policy), "{policy:?}");
    }
}

#[test]
fn a_changed_policy_asks_the_newest_version() {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    driven.policy.quality_min = 0.88;
    driven.rules_changed();
    assert_eq!((driven.incumbent(), driven.challenger()), ("1", "2"));
    assert_eq!(driven.site.challenger.as_ref().unwrap().policy().quality_min, 0.88);
}

#[test]
fn a_changed_basis_voids_the_evidence_and_the_site_goes_back_to_shadow() {
    let mut driven = Driven { basis: basis("a", "exact"), ..Driven::default() };
    driven.candidate("1");
    driven.until(State::Student, 1.0, 200);
    driven.basis = basis("b", "similar");
    driven.rules_changed();
    assert_eq!((driven.site.state, driven.incumbent(), driven.served_by(0.0)), (State::Shadow, "1", "teacher".into()));
    let switch = driven.last();
    assert_eq!((switch.cause, switch.from, switch.to), (Cause::BasisChanged, State::Student, State::Shadow));
    assert_eq!(switch.reason.as_deref(), Some("comparison, teacher"));
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!((trial.audits(), trial.number, &trial.candidate.basis), (0, 2, &driven.basis));
    assert_eq!((driven.site.proven.len(), driven.site.stale_before_ms), (0, None));
    assert_eq!(driven.replayed(), driven.site);
}

#[test]
fn a_changed_basis_leaves_a_hold_and_a_teacher_where_they_are() {
    let mut driven = Driven::serving("1");
    driven.operate(OperatorAction::Hold).unwrap();
    driven.basis = basis("b", "exact");
    driven.rules_changed();
    assert_eq!((driven.site.state, driven.site.incumbent.as_ref().unwrap().audits()), (State::Held, 0));

    let mut driven = Driven::serving("1");
    driven.health.failed(&version("1"), &Policy { failures_max: 1, ..Policy::default() }, 0);
    let switch = driven.site.due_to_health(&driven.health).unwrap();
    driven.write(Record::Switch(switch));
    assert_eq!((driven.site.state, driven.site.proven.len()), (State::Teacher, 1));
    driven.basis = basis("b", "exact");
    driven.rules_changed();
    assert_eq!((driven.site.state, driven.site.proven.len()), (State::Teacher, 0), "a proof on another basis is none");
}

#[test]
fn a_basis_names_what_differs_in_either_direction() {
    let with = |names: &[(&str, &str)]| {
        Basis(names.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    let (one, two) = (with(&[("a", "1"), ("b", "1")]), with(&[("b", "2"), ("c", "1")]));
    assert_eq!(one.changed(&two), ["a", "b", "c"]);
    assert!(one.changed(&one).is_empty());
}

#[test]
fn after_damage_nothing_is_on_trial_or_proven_and_a_hold_stays() {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    let switch = driven.site.after_damage(false, "record 7".into());
    assert_eq!((switch.cause, switch.to), (Cause::LogDamaged, State::Teacher));
    driven.write(Record::Switch(switch));
    assert_eq!((driven.site.state, driven.incumbent(), driven.site.proven.len()), (State::Teacher, "none", 0));
    assert_eq!(driven.site.trials, 2, "budget that was spent stays spent");

    let mut driven = Driven::serving("1");
    driven.operate(OperatorAction::Hold).unwrap();
    driven.write(Record::Switch(driven.site.after_damage(false, String::new())));
    assert_eq!((driven.site.state, driven.incumbent()), (State::Held, "none"));
    assert_eq!(Site::default().after_damage(true, String::new()).to, State::Held);
}

#[test]
fn a_version_that_waits_for_its_trial_survives_a_changed_basis() {
    let mut driven = Driven { basis: basis("a", "exact"), ..Driven::default() };
    let (policy, old) = (driven.policy.clone(), driven.basis.clone());
    let candidate = Candidate { policy, basis: old, ..candidate("1") };
    driven.site.apply(0, &Record::Candidate(candidate));
    driven.basis = basis("b", "exact");
    driven.rules_changed();
    assert_eq!((driven.site.state, driven.incumbent()), (State::Shadow, "1"));
}

#[test]
fn states_and_causes_are_labelled_as_they_are_stored() {
    let stored = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    for state in State::ALL {
        assert_eq!(stored(serde_json::to_value(state).unwrap()), state.label());
    }
    use Cause::{BasisChanged, Drift, ErrorBudget, Evidence, Failures, LatencyBudget, LogDamaged, Operator};
    let failing = [ErrorBudget, Failures, LatencyBudget];
    for cause in [BasisChanged, Cause::Candidate, Drift, Evidence, LogDamaged, Operator].into_iter().chain(failing) {
        assert_eq!(stored(serde_json::to_value(cause).unwrap()), cause.label());
    }
}
