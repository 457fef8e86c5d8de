//! The measure is chosen before the first piece of evidence counts.

use verify::{Choice, Kind, Measure, Repeat};

use super::{Driven, candidate};
use crate::*;

fn on(teacher: &str) -> Basis {
    Basis([("teacher".to_owned(), teacher.to_owned())].into())
}

fn choice() -> Choice {
    Choice { kind: Some(Kind::FixedWording), measure: Measure::Exact, why: "11 of 12 alike".into() }
}

fn example() -> Repeat {
    Repeat::of(1, "a prompt", ["one answer", "another answer"], 0.0, &|_, _| 0.5, None)
}

fn unmeasured(name: &str) -> Candidate {
    Candidate { measure: None, basis: on("a"), ..candidate(name) }
}

#[test]
fn evidence_waits_for_the_measure() {
    let mut driven = Driven { basis: on("a"), ..Driven::default() };
    driven.write(Record::Candidate(unmeasured("1")));
    (0..100).for_each(|_| driven.audit(1.0));
    assert_eq!((driven.site.state, driven.site.incumbent.as_ref().unwrap().audits()), (State::Shadow, 0));
    assert!(driven.site.missing(0, &driven.policy)[0].contains("the measure is not chosen yet"));
    driven.write(Record::Measure { on: on("a"), choice: choice() });
    assert_eq!(driven.site.incumbent.as_ref().unwrap().candidate.measure, Some(Measure::Exact));
    assert_eq!(driven.until(State::Canary, 1.0, 80), 50);
    assert_eq!(driven.replayed(), driven.site);
}

#[test]
fn the_teacher_is_asked_twice_until_the_measure_is_chosen_and_anew_on_other_ground() {
    let mut driven = Driven::default();
    let dice = |audit| Dice { route: 0.9, audit };
    let plan = |driven: &Driven, on: Option<&Basis>, audit| {
        let choosing = on.map(|on| plan::Choosing { on, learns: true });
        driven.site.plan(&driven.policy, choosing, &driven.health, dice(audit))
    };
    let (a, b) = (on("a"), on("b"));
    assert!(plan(&driven, Some(&a), 0.1).repeat && !plan(&driven, Some(&a), 0.3).repeat);
    assert!(!plan(&driven, None, 0.1).repeat, "an operator's own measure needs none");
    let idle =
        driven.site.plan(&driven.policy, Some(plan::Choosing { on: &a, learns: false }), &driven.health, dice(0.1));
    assert!(!idle.repeat, "nothing is learnt and there is no version");
    driven.write(Record::Repeat { on: a.clone(), repeat: example() });
    driven.write(Record::Measure { on: a.clone(), choice: choice() });
    assert_eq!(driven.site.measuring.repeats.len(), 1);
    assert!(!plan(&driven, Some(&a), 0.1).repeat && plan(&driven, Some(&b), 0.1).repeat);
    driven.write(Record::Repeat { on: b, repeat: example() });
    assert_eq!((driven.site.measuring.repeats.len(), driven.site.measuring.choice.clone()), (1, None));
}

#[test]
fn no_version_is_audited_before_it_has_a_measure() {
    let mut driven = Driven { basis: on("a"), ..Driven::default() };
    driven.write(Record::Candidate(unmeasured("1")));
    assert_eq!(driven.plan(0.9, 0.0).audit, None);
    driven.write(Record::Measure { on: on("a"), choice: choice() });
    assert!(driven.plan(0.9, 0.0).audit.is_some());
}

#[test]
fn a_changed_teacher_asks_for_a_measure_anew_and_a_changed_base_does_not() {
    let with_base = |teacher: &str, base: &str| {
        Basis([("teacher".to_owned(), teacher.to_owned()), ("base".to_owned(), base.to_owned())].into())
    };
    let mut driven = Driven { basis: with_base("a", "x"), ..Driven::default() };
    driven.write(Record::Measure { on: on("a"), choice: choice() });
    driven.write(Record::Candidate(Candidate { measure: None, basis: with_base("a", "x"), ..candidate("1") }));
    driven.basis = with_base("a", "y");
    driven.rules_changed();
    assert_eq!(driven.site.incumbent.as_ref().unwrap().candidate.measure, Some(Measure::Exact));
    driven.basis = with_base("b", "y");
    driven.rules_changed();
    assert_eq!(driven.site.incumbent.as_ref().unwrap().candidate.measure, None);
}

#[test]
fn a_policy_and_a_comparison_that_change_together_do_not_bring_the_old_measure_back() {
    let mut driven = Driven { basis: on("a"), ..Driven::default() };
    driven.write(Record::Measure { on: on("a"), choice: choice() });
    driven.write(Record::Candidate(unmeasured("1")));
    (driven.basis, driven.policy.quality_min) = (on("b"), 0.88);
    driven.rules_changed();
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!((trial.candidate.measure.clone(), trial.policy().quality_min), (None, 0.88));
}
