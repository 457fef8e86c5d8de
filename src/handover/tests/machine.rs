//! The walk of one version.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Driven, candidate, compared, version};
use crate::*;

#[test]
fn a_good_version_walks_from_teacher_to_student_on_evidence() {
    let mut driven = Driven::default();
    driven.candidate("1");
    assert_eq!(driven.site.state, State::Shadow);
    // alpha_1 = 0.05 * 6 / pi^2, most of it for the start that the exam suggests: a few audits more than the 43 of 0.05.
    let shadow = driven.until(State::Canary, 1.0, 80);
    assert_eq!(shadow, 50);
    assert_eq!(driven.until(State::Student, 1.0, 80), 30);
    assert_eq!((driven.last().cause, driven.last().audits), (Cause::Evidence, 80));
    assert_eq!(driven.last().version, Some(version("1")));
    assert!(driven.last().lower_bound.unwrap() >= 0.9 && driven.last().threshold == Some(0.0));
}

#[test]
fn a_bad_version_never_leaves_shadow() {
    let mut driven = Driven::default();
    driven.candidate("1");
    (0..2000).for_each(|at| driven.audit(f64::from(u8::from(at % 4 != 0))));
    assert_eq!(driven.site.state, State::Shadow);
    assert!(driven.site.missing(0, &driven.policy)[0].contains("lower bound"));
}

#[test]
fn answers_that_their_verifiers_refuse_prove_nothing() {
    let mut driven = Driven::default();
    driven.candidate("1");
    let refused = compared(1.0, 1.0, false);
    (0..300).for_each(|_| driven.outcome("1", refused));
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!((driven.site.state, trial.gate.raw().mean()), (State::Shadow, Some(0.0)));
    assert_eq!((trial.gate.coverage(2), trial.threshold()), (0.0, None), "what is refused is never served");
    let waits = driven.site.missing(0, &driven.policy).join("; ");
    assert!(waits.contains("0.000 of its answers are sure enough for that threshold, 0.200 must be"), "{waits}");
}

#[test]
fn a_serving_version_whose_answers_are_refused_loses_its_coverage_and_harms_nobody() {
    let mut driven = Driven::serving("1");
    let refused = compared(1.0, 1.0, false);
    (0..100).for_each(|_| driven.outcome("1", refused));
    assert_eq!(driven.site.state, State::Student);
    assert!(driven.site.incumbent.as_ref().unwrap().has_lost_coverage());
}

#[test]
fn the_threshold_and_its_coverage_gate_the_canary() {
    let mut driven = Driven { policy: Policy { coverage_min: 0.5, ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    let unsure = compared(1.0, 0.95, true);
    let bad = compared(0.2, 0.95, true);
    (0..10).for_each(|_| driven.outcome("1", bad));
    assert!(driven.site.missing(0, &driven.policy)[1].contains("no confidence threshold is proven at risk 0.100"));
    (0..400).for_each(|_| driven.outcome("1", unsure));
    assert_eq!(driven.site.state, State::Student);

    let mut driven = Driven { policy: Policy { coverage_min: 0.5, ..Policy::default() }, ..Driven::default() };
    driven.policy.risk_alpha = 0.01;
    let policy = driven.policy.clone();
    driven.write(Record::Candidate(Candidate { policy, likely: Some(0.9), ..candidate("1") }));
    let sure = compared(1.0, 0.99, true);
    let wrong = compared(0.3, 0.3, true);
    for at in 0..3000 {
        driven.outcome(
            "1",
            if at % 50 == 0 {
                sure
            } else if at % 30 == 0 {
                wrong
            } else {
                compared(1.0, 0.1, true)
            },
        );
    }
    assert_eq!(driven.site.state, State::Shadow);
    let missing = driven.site.missing(0, &driven.policy);
    assert!(missing[0].contains("covers 0.0") && missing[0].contains("below 0.500"), "{missing:?}");
}

#[test]
fn drift_sends_the_site_back_and_a_new_version_starts_with_less_budget() {
    let mut driven = Driven::serving("1");
    let at = driven.log.len() as u64;
    assert!(driven.until(State::Teacher, 0.0, 20) <= 10);
    assert_eq!((driven.last().cause, driven.last().from), (Cause::Drift, State::Student));
    assert!(driven.site.incumbent.is_none());
    assert!(driven.site.stale_before_ms.unwrap() >= at);
    assert!(driven.site.proven().next().is_none(), "what drift threw out cannot be rolled back to");
    driven.candidate("2");
    assert_eq!(driven.site.incumbent.as_ref().unwrap().number, 2);
    assert!(driven.until(State::Canary, 1.0, 120) > 49);
}

#[test]
fn the_drift_detector_begins_anew_with_the_canary() {
    let mut driven = Driven::default();
    driven.candidate("1");
    driven.audit(0.0);
    assert!(driven.site.incumbent.as_ref().unwrap().drift.log_statistic().is_infinite());
    driven.until(State::Canary, 1.0, 200);
    driven.audit(1.0);
    let drift = &driven.site.incumbent.as_ref().unwrap().drift;
    let mut one = drift::Drift::default();
    one.observe(1.0, 0.90);
    assert_eq!(*drift, one);
    driven.until(State::Student, 1.0, 80);
    assert_ne!(driven.site.incumbent.as_ref().unwrap().drift, drift::Drift::default(), "it goes on through the steps");
}

#[test]
fn a_policy_without_a_canary_serves_at_once_and_what_it_proved_is_proven() {
    let mut driven = Driven { policy: Policy { canary: Vec::new(), ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    assert_eq!(driven.until(State::Student, 1.0, 80), 50);
    assert_eq!(driven.site.proven().next().map(Trial::version), Some(&version("1")));
    assert_eq!(driven.served_by(0.999), "1");
}

#[test]
fn the_share_served_locally_follows_the_state() {
    let mut driven = Driven::default();
    assert_eq!(driven.served_by(0.0), "teacher");
    driven.candidate("1");
    assert_eq!(
        (driven.served_by(0.0), driven.plan(0.0, 0.9).because),
        ("teacher".into(), Because::State(State::Shadow))
    );
    driven.until(State::Canary, 1.0, 80);
    assert_eq!((driven.served_by(0.099), driven.served_by(0.10)), ("1".into(), "teacher".into()));
    assert_eq!(driven.plan(0.10, 0.9).because, Because::CanaryDice);
    (0..10).for_each(|_| driven.audit(1.0));
    assert_eq!((driven.served_by(0.499), driven.served_by(0.50)), ("1".into(), "teacher".into()));
    driven.until(State::Student, 1.0, 80);
    assert_eq!(driven.served_by(0.999), "1");
    assert_eq!(driven.plan(0.5, 0.9).because, Because::State(State::Student));
}

#[test]
fn any_history_replays_to_the_same_site_also_through_its_stored_form() {
    for seed in 0..40 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut driven = Driven::default();
        for step in 0..400 {
            let name = step.to_string();
            match rng.random_range(0..200) {
                0..5 => driven.candidate(&name),
                5 => drop(driven.operate(OperatorAction::Rollback { to: None })),
                6 => drop(driven.operate(OperatorAction::Hold)),
                7..10 => drop(driven.operate(OperatorAction::Promote)),
                10 => {
                    driven.policy.quality_min = rng.random_range(0.88..0.92);
                    driven.rules_changed();
                }
                11 => {
                    driven.basis = Basis([("teacher".to_owned(), name)].into());
                    driven.rules_changed();
                }
                12..30 if driven.site.challenger.is_some() => {
                    let name = driven.challenger().to_owned();
                    (0..8).for_each(|_| driven.audit_of(&name, 1.0));
                }
                _ => {
                    let quality = f64::from(u8::from(rng.random::<f64>() < 0.98));
                    driven.audit(quality);
                }
            }
            assert!(driven.site.incumbent.is_some() || !driven.site.state.is_serving());
            if step % 100 == 0 {
                let stored = serde_json::to_string(&driven.site).unwrap();
                driven.site = serde_json::from_str(&stored).unwrap();
            }
        }
        assert_eq!(driven.replayed(), driven.site, "seed {seed}");
    }
}

#[test]
fn a_trial_tells_its_evidence_and_counts_its_bytes() {
    let mut driven = Driven::default();
    driven.candidate("1");
    let fresh = driven.site.incumbent.as_ref().unwrap().bytes();
    (0..10).for_each(|_| driven.audit(1.0));
    let trial = driven.site.incumbent.as_ref().unwrap();
    // ln of the capital after ten good audits (tests/oracle/statistics.py), and of 1 / (0.9 * 0.05 * 6 / pi^2): what
    // the start that the exam suggests has of the first version's budget.
    let (capital, needed) = trial.evidence().unwrap();
    assert!((capital - 0.584384).abs() < 1e-6, "{capital}");
    assert!((needed - (std::f64::consts::PI.powi(2) / 6.0 / 0.045).ln()).abs() < 1e-9, "{needed}");
    let (all, gate) = (trial.bytes(), trial.gate.bytes());
    let own = size_of::<Trial>() - size_of::<gate::Gate>();
    assert_eq!(fresh, own + gate::Gate::new(&trial.candidate.grid, trial.candidate.likely).bytes());
    // Two prints of four bytes of each prompt.
    assert!((own + gate + 80..=own + gate + 160).contains(&all), "{all}: {own} {gate}");
}
