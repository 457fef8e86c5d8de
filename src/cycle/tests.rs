use handover::State;

use crate::exam::{Mark, Marks};
use crate::lesson::{Begun, Folder, Outcome};
use crate::schedule::{Due, Facts, due};
use crate::*;

const FACTS: Facts = Facts {
    state: State::Teacher,
    audits: 0,
    new_exchanges: 200,
    failed_lessons: 0,
    asked: false,
    requests_per_s: 0.5,
};

#[test]
fn a_lesson_starts_with_enough_new_exchanges_on_a_quiet_proxy() {
    let lessons = Lessons::default();
    assert_eq!(due(&FACTS, &lessons), Due::Now);
    assert_eq!(due(&Facts { new_exchanges: 199, ..FACTS }, &lessons), Due::NeedsExchanges { have: 199, need: 200 });
    assert_eq!(due(&Facts { requests_per_s: 1.5, ..FACTS }, &lessons), Due::Busy { requests_per_s: 1.5 });
}

#[test]
fn failed_lessons_need_twice_as_much_each_time() {
    let facts = Facts { new_exchanges: 799, failed_lessons: 2, ..FACTS };
    assert_eq!(due(&facts, &Lessons::default()), Due::NeedsExchanges { have: 799, need: 800 });
}

#[test]
fn a_version_on_trial_gets_its_chance_and_a_serving_or_held_site_learns_nothing() {
    let lessons = Lessons::default();
    for state in [State::Canary, State::Student, State::Held] {
        assert_eq!(due(&Facts { state, ..FACTS }, &lessons), Due::NotWanted);
    }
    assert_eq!(due(&Facts { state: State::Shadow, audits: 499, ..FACTS }, &lessons), Due::NotWanted);
    assert_eq!(due(&Facts { state: State::Shadow, audits: 500, ..FACTS }, &lessons), Due::Now);
}

#[test]
fn a_person_may_ask_for_a_lesson_at_any_time_except_on_a_held_site() {
    let asked = Facts { asked: true, new_exchanges: 0, requests_per_s: 99.0, state: State::Student, ..FACTS };
    assert_eq!(due(&asked, &Lessons::default()), Due::Now);
    assert_eq!(due(&Facts { state: State::Held, ..asked }, &Lessons::default()), Due::NotWanted);
}

#[test]
fn the_grid_is_at_most_forty_thresholds_and_ends_with_serve_everything() {
    let marks = Marks {
        marks: (0..500u32).map(|n| Mark { quality: 1.0, confidence: f64::from(n) / 500.0 }).collect(),
        seconds: 0.0,
    };
    let grid = marks.grid();
    assert_eq!((grid.len(), grid.last()), (40, Some(&0.0)));
    assert_eq!(Marks::default().grid(), [0.0]);
    assert!((Marks::default().score() - 0.0).abs() < f64::EPSILON);
}

#[test]
fn lessons_are_numbered_and_only_those_without_an_outcome_go_on() {
    let root = tempfile::tempdir().unwrap();
    let begun = Begun { after_ms: None };
    let first = Folder::begin(root.path(), "shop", &begun).unwrap();
    let second = Folder::begin(root.path(), "shop", &begun).unwrap();
    assert_eq!((first.number, second.number), (1, 2));
    first.end(&Outcome { version: None, exam: None, problem: Some("killed".into()) }).unwrap();
    assert_eq!(Folder::unfinished(root.path()).unwrap(), [second]);
    assert_eq!(Folder::unfinished(&root.path().join("nothing")).unwrap(), []);
}
