//! The dice.

use super::Driven;
use crate::*;

fn audited(driven: &Driven, die: f64) -> Option<String> {
    driven.plan(0.99, die).audit.map(|candidate| candidate.version.as_str().to_owned())
}

#[test]
fn the_audit_share_follows_the_state() {
    let mut driven = Driven::default();
    assert_eq!(audited(&driven, 0.0), None);
    driven.candidate("1");
    assert_eq!((audited(&driven, 0.249), audited(&driven, 0.25)), (Some("1".into()), None));
    driven.until(State::Canary, 1.0, 80);
    assert_eq!((audited(&driven, 0.249), audited(&driven, 0.25)), (Some("1".into()), None));
    driven.until(State::Student, 1.0, 80);
    assert_eq!((audited(&driven, 0.099), audited(&driven, 0.10)), (Some("1".into()), None));
    driven.policy.audit_share_serving = 0.5;
    assert_eq!(audited(&driven, 0.49), Some("1".into()), "audit shares hold at once");
    driven.operate(OperatorAction::Hold).unwrap();
    assert_eq!(audited(&driven, 0.0), None);
}

#[test]
fn incumbent_and_challenger_are_audited_by_disjoint_parts_of_the_die() {
    let mut driven = Driven::serving("1");
    driven.candidate("2");
    let cut = [0.0, 0.0999, 0.1001, 0.3499, 0.3501].map(|die| audited(&driven, die));
    assert_eq!(cut, [Some("1".into()), Some("1".into()), Some("2".into()), Some("2".into()), None]);
    assert_eq!(driven.plan(0.0, 0.2), driven.plan(0.9, 0.2), "whatever the route's die says");
}

#[test]
fn shares_beyond_every_request_are_cut_in_proportion() {
    let mut driven = Driven::serving("1");
    (driven.policy.audit_share_serving, driven.policy.audit_share_shadow) = (0.5, 1.0);
    driven.candidate("2");
    let cut = [0.333, 0.334, 0.9999].map(|die| audited(&driven, die));
    assert_eq!(cut, [Some("1".into()), Some("2".into()), Some("2".into())]);
}

#[test]
fn two_trials_of_one_version_share_its_audits() {
    let mut driven = Driven::serving("1");
    driven.policy.quality_min = 0.88;
    driven.rules_changed();
    assert_eq!((audited(&driven, 0.249), audited(&driven, 0.25)), (Some("1".into()), None));
    let before = driven.site.incumbent.as_ref().unwrap().audits();
    driven.audit_of("1", 1.0);
    assert_eq!(driven.site.incumbent.as_ref().unwrap().audits(), before + 1);
    assert_eq!(driven.site.challenger.as_ref().unwrap().audits(), 1);
}

#[test]
fn the_route_carries_the_proven_threshold() {
    let driven = Driven::serving("1");
    let candidate = driven.site.incumbent.as_ref().unwrap().candidate.clone();
    let route = Route::Student { candidate: candidate.clone(), confidence_threshold: 0.0 };
    let (proven, because) = (Some(candidate), Because::State(State::Student));
    assert_eq!(driven.plan(0.5, 0.5), Plan { route, audit: None, repeat: false, proven, because });
}

#[test]
fn only_a_version_that_was_handed_over_to_and_does_answer_is_proven() {
    let mut driven = Driven::default();
    let proven = |driven: &Driven, die| driven.plan(die, 0.9).proven.map(|candidate| candidate.version.to_string());
    assert_eq!(proven(&driven, 0.0), None);
    driven.candidate("1");
    assert_eq!(proven(&driven, 0.0), None);
    driven.until(State::Canary, 1.0, 80);
    assert_eq!(proven(&driven, 0.0), None);
    driven.until(State::Student, 1.0, 80);
    // Whoever the dice choose.
    driven.policy.share_max = 0.5;
    assert_eq!([0.0, 0.9].map(|die| proven(&driven, die)), [Some("1".into()), Some("1".into())]);
    driven.policy.share_max = 0.0;
    assert_eq!(proven(&driven, 0.0), None, "a share of nothing is a word of the operator's");
    driven.policy.share_max = 1.0;
    driven.operate(OperatorAction::Hold).unwrap();
    assert_eq!(proven(&driven, 0.0), None);
}

#[test]
fn every_reason_has_a_label_of_its_own() {
    let reasons = [
        Because::CanaryDice,
        Because::Challenger,
        Because::StudentFailing,
        Because::TooManySites,
        Because::LogUnavailable,
    ];
    let all = State::ALL.map(Because::State).into_iter().chain(reasons);
    let labels: std::collections::BTreeSet<&str> = all.map(Because::label).collect();
    assert_eq!(labels.len(), 10);
    assert!(
        labels.iter().all(|label| label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')),
        "{labels:?}"
    );
}
