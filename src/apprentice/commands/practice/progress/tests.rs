//! The display fits a terminal.

use cycle::schedule::Due;
use cycle::{LessonStep, LessonView};
use handover::State;
use practice::scene::Scene;
use practice::traffic::Tally;

use super::{LEGEND, doing, heading, row, standing, training};

const COLUMNS: usize = 100;

#[test]
fn no_line_of_figures_is_wider_than_a_terminal() {
    let lesson = LessonView { number: 99, steps_done: 9999, steps: 9999, loss: Some(9.999), ..LessonView::default() };
    let tails = [
        standing(0.999, 0.999, 99_999),
        training(&lesson),
        Due::NeedsExchanges { have: 99_999, need: 99_999 }.to_string(),
        Due::OnTrial { audits: 9_999, audits_max: 9_999 }.to_string(),
        Due::Busy { requests_per_s: 99.9, requests_per_s_max: 99.9 }.to_string(),
    ];
    let mut tally = Tally::default();
    (tally.requests, tally.local) = (999_999, 999_999);
    for scene in Scene::ALL {
        for tail in &tails {
            for state in State::ALL {
                let row = row(scene.name(), state, &tally, tail);
                assert!(row.chars().count() <= COLUMNS, "{row}");
                assert_eq!(row.find(tail.as_str()), Some(heading(1.0).len() + 2), "a column is out of place: {row}");
            }
        }
    }
    for line in LEGEND.into_iter().map(str::to_owned).chain([heading(9999.0)]) {
        assert!(line.len() <= COLUMNS, "{line}");
    }
}

#[test]
fn a_site_whose_lesson_is_examined_does_not_wait_for_another() {
    let lesson = |step| LessonView { number: 2, step, ..LessonView::default() };
    let (exam, over) = (lesson(LessonStep::Exam), lesson(LessonStep::Failed));
    assert_eq!(doing(Some(&exam), None, Some("due")), "lesson 2: exam");
    assert_eq!(doing(Some(&exam), Some("proven".to_owned()), None), "proven");
    assert_eq!(doing(Some(&over), None, Some("due")), "due");
    assert!(doing(Some(&lesson(LessonStep::Training)), Some("proven".to_owned()), None).contains("step 0 of 0"));
}
