//! What is promoted is what clients would get, and every prompt is evidence once.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::statistics::coin;
use super::{Driven, audit, candidate, compared, version};
use crate::memory::PROMPTS_MAX;
use crate::*;

fn grid() -> Vec<f64> {
    (0..40).map(|step| f64::from(step) / 40.0).collect()
}

#[test]
fn a_site_of_which_much_can_be_learnt_serves_that_part() {
    // 85 % can be learnt; the confidence tells nearly always.
    let mut driven = Driven::default();
    driven.write(Record::Candidate(Candidate { grid: grid(), likely: Some(0.5), ..candidate("1") }));
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..600 {
        let good = coin(&mut rng, 0.85);
        let confidence = if coin(&mut rng, 0.97) == good { 0.8 } else { 0.2 } + rng.random_range(-0.15..0.15);
        driven.outcome("1", compared(f64::from(u8::from(good)), confidence, true));
    }
    assert_eq!(driven.site.state, State::Student);
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert!(trial.gate.raw().mean().unwrap() < 0.9, "the raw student is not good enough and need not be");
    assert!(trial.coverage() > 0.8 && trial.lower_bound() > 0.9, "{} {}", trial.coverage(), trial.lower_bound());
}

#[test]
fn answers_below_the_threshold_are_no_drift_and_lost_coverage_is_told_apart() {
    let mut driven = Driven::default();
    driven.write(Record::Candidate(Candidate { grid: vec![0.5], likely: Some(0.5), ..candidate("1") }));
    driven.until(State::Student, 1.0, 300);
    (0..400).for_each(|_| driven.outcome("1", compared(0.0, 0.1, true)));
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!(driven.site.state, State::Student, "clients got the teacher's answers");
    assert!(!trial.has_drifted() && trial.has_lost_coverage());
}

#[test]
fn a_repeated_prompt_is_evidence_once() {
    let mut driven = Driven::default();
    driven.candidate("1");
    for _ in 0..500 {
        driven.write(Record::Audit(Audit { outcome: compared(1.0, 0.99, true), ..audit(7) }));
    }
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!((trial.audits(), trial.repeats, driven.site.state), (1, 499, State::Shadow));
}

#[test]
fn a_site_that_is_asked_one_thing_again_and_again_is_still_watched() {
    let mut driven = Driven::serving("1");
    let again = |quality| Record::Audit(Audit { outcome: compared(quality, 0.99, true), ..audit(7) });
    (0..200).for_each(|_| driven.write(again(1.0)));
    assert_eq!(driven.site.state, State::Student);
    let audits = (1..=200).find(|_| {
        driven.write(again(0.0));
        driven.site.state == State::Teacher
    });
    assert!(audits.is_some_and(|audits| (40..=120).contains(&audits)), "{audits:?}");
}

#[test]
fn near_duplicates_are_evidence_once_in_a_while() {
    let mut driven = Driven::default();
    driven.candidate("1");
    for at in 0..500 {
        driven.write(Record::Audit(Audit { near: 7, outcome: compared(1.0, 0.99, true), ..audit(1_000_000 + at) }));
    }
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert_eq!((trial.audits(), trial.near_duplicates), (1, 499));
    // After enough that differ it says something again.
    (0..70).for_each(|_| driven.audit(1.0));
    driven.write(Record::Audit(Audit { near: 7, outcome: compared(1.0, 0.99, true), ..audit(9_000_000) }));
    assert_eq!(driven.site.incumbent.as_ref().unwrap().near_duplicates, 499);
}

#[test]
fn a_site_with_few_prompts_goes_on_being_watched() {
    let mut memory = memory::Memory::default();
    let times = u64::try_from(PROMPTS_MAX).unwrap();
    (0..times).for_each(|at| assert_eq!(memory.meet(at, at), memory::Novelty::New));
    assert_eq!(memory.meet(0, 99_999_999), memory::Novelty::Repeat);
    assert_eq!(memory.meet(times, times), memory::Novelty::New);
    assert_eq!(memory.meet(0, 99_999_998), memory::Novelty::New, "the oldest was forgotten");
}

/// The review's simulation: the same prompt eight times in a row, a student at the bound.
#[test]
fn prompts_that_come_in_runs_do_not_raise_the_error() {
    let mut promoted = 0;
    for seed in 0..200u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut driven = Driven::default();
        driven.candidate("1");
        for prompt in 0..300u64 {
            let quality = f64::from(u8::from(coin(&mut rng, 0.90)));
            for _ in 0..8 {
                let audit = Audit { outcome: compared(quality, 0.99, true), ..audit(seed << 32 | prompt) };
                driven.write(Record::Audit(audit));
            }
        }
        promoted += u32::from(driven.site.state != State::Shadow);
    }
    assert!(promoted <= 14, "{promoted} of 200");
}

#[test]
fn what_the_teacher_refuses_and_the_student_answers_is_evidence_against() {
    let mut driven = Driven::serving("1");
    let numbers = Numbers { refused: true, ..Numbers::default() };
    let refused = AuditOutcome::Compared { quality: 0.0, bad: true, confidence: 0.99, verified: true, numbers };
    (0..20).for_each(|_| driven.outcome("1", refused));
    assert_eq!((driven.site.state, driven.last().cause), (State::Teacher, Cause::Drift));
}

#[test]
fn more_is_audited_while_the_detector_is_in_doubt() {
    let mut driven = Driven::serving("1");
    assert!(driven.plan(0.0, 0.3).audit.is_none());
    while !driven.site.incumbent.as_ref().unwrap().is_in_doubt() {
        driven.audit(0.0);
        assert_eq!(driven.site.state, State::Student, "in doubt before it fires");
    }
    assert_eq!(driven.plan(0.0, 0.3).audit.unwrap().version, version("1"));
}

#[test]
fn a_measure_against_the_teachers_own_variance_has_its_own_null_and_floor() {
    let measure = verify::Measure::SelfRelative { margin: 0.05, bad_below: 0.3 };
    let fresh = || {
        let mut driven = Driven::default();
        driven.write(Record::Candidate(Candidate { measure: Some(measure.clone()), ..candidate("1") }));
        driven
    };
    let mut driven = fresh();
    let trial = driven.site.incumbent.as_ref().unwrap();
    assert!((trial.quality_needed() - 0.45).abs() < 1e-12 && (trial.quality_floor() - 0.45).abs() < 1e-12);
    // As far from the teacher as the teacher is from itself, with some spread.
    let walk = |driven: &mut Driven, mean: f64| {
        for at in 0..600u32 {
            let quality = mean + [0.12, -0.12, 0.05, -0.05][usize::try_from(at % 4).unwrap()];
            let numbers = Numbers::default();
            driven
                .outcome("1", AuditOutcome::Compared { quality, bad: false, confidence: 0.9, verified: true, numbers });
        }
        driven.site.state
    };
    assert_eq!(walk(&mut driven, 0.52), State::Student);
    assert_eq!(walk(&mut driven, 0.30), State::Teacher);
    assert_eq!(walk(&mut fresh(), 0.40), State::Shadow);
}

#[test]
fn a_trial_may_serve_exactly_when_it_has_nothing_to_say_against_it() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for seed in 0..20u64 {
        let mut driven = Driven::default();
        let measure = (seed % 5 != 0).then_some(verify::Measure::Exact);
        driven.write(Record::Candidate(Candidate { grid: grid(), likely: Some(0.4), measure, ..candidate("1") }));
        for _ in 0..300 {
            let quality = f64::from(u8::from(coin(&mut rng, 0.9 + 0.004 * f64::from(u8::try_from(seed).unwrap()))));
            driven.outcome("1", compared(quality, rng.random(), true));
            if let Some(trial) = &driven.site.incumbent {
                assert_eq!(trial.may_serve(), trial.missing().is_empty(), "{:?}", trial.missing());
            }
        }
    }
}
