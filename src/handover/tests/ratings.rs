//! What people say of served answers.

use super::{Driven, version};
use crate::*;

fn rate(driven: &mut Driven, good: bool, confidence: Option<f64>) {
    let (request, version) = (driven.log.len().to_string(), version(driven.incumbent()));
    let rating =
        Rating { request, version, good, confidence, reason: None, actor: Some("a player".into()), compared: None };
    driven.write(Record::Rating(rating));
}

fn serving(ratings: Ratings) -> Driven {
    let mut driven = Driven { policy: Policy { ratings, ..Policy::default() }, ..Driven::default() };
    driven.candidate("1");
    driven.until(State::Student, 1.0, 200);
    driven
}

fn evidence(driven: &Driven) -> u64 {
    driven.site.incumbent.as_ref().unwrap().audits()
}

#[test]
fn complaints_send_a_version_away_like_audits_that_fail() {
    let mut driven = serving(Ratings::Against);
    let complaints = (1..=50).find(|_| {
        rate(&mut driven, false, None);
        driven.site.state == State::Teacher
    });
    assert!(complaints.is_some_and(|complaints| complaints < 10), "{complaints:?}");
    assert_eq!((driven.last().cause, driven.replayed()), (Cause::Drift, driven.site.clone()));
}

#[test]
fn praise_proves_nothing_and_a_complaint_counts_unless_it_is_to_be_ignored() {
    for (ratings, confidence, good, counted) in [
        (Ratings::Ignored, Some(0.99), true, 0),
        (Ratings::Ignored, Some(0.99), false, 0),
        (Ratings::Against, Some(0.99), true, 0),
        (Ratings::Against, None, false, 1),
        (Ratings::Against, Some(0.99), false, 1),
    ] {
        let mut driven = serving(ratings);
        let before = evidence(&driven);
        rate(&mut driven, good, confidence);
        let trial = driven.site.incumbent.as_ref().unwrap();
        assert_eq!(evidence(&driven) - before, counted, "{ratings:?} {confidence:?} {good}");
        assert_eq!((trial.rated_good, trial.rated_bad), (u64::from(good), u64::from(!good)), "all are shown");
        assert_eq!(driven.site.state, State::Student);
    }
}

#[test]
fn a_complaint_only_lowers_what_is_proven() {
    let mut driven = serving(Ratings::Against);
    let before = driven.site.incumbent.clone().unwrap();
    rate(&mut driven, false, Some(0.99));
    let after = driven.site.incumbent.as_ref().unwrap();
    assert!(after.lower_bound() < before.lower_bound() && after.drift.log_statistic() > before.drift.log_statistic());
    assert_eq!(after.proven, before.proven, "what is proven stays proven; drift is what sends it away");
}

#[test]
fn ratings_say_nothing_of_how_many_requests_are_covered() {
    let mut driven = serving(Ratings::Against);
    let before = driven.site.incumbent.clone().unwrap().coverage_drift;
    (0..3).for_each(|_| rate(&mut driven, false, Some(1.0)));
    assert_eq!(driven.site.incumbent.as_ref().unwrap().coverage_drift, before, "only served answers are rated");
}
