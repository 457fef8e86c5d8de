//! The rubric by which people say how good two answers are: three questions, points from 1 to 5, for each side.

use handover::Points;
use maud::{Markup, html};

use crate::guard::Sent;

/// The questions by their fields' names.
const QUESTIONS: [(&str, &str); 3] =
    [("fun", "Fun and viable in the game"), ("structure", "Structure"), ("adherence", "Adherence to what was asked")];

/// The fields of one side.
pub(crate) fn asked(side: &str) -> Markup {
    html! {
        @for (field, question) in QUESTIONS {
            fieldset.points {
                legend { (question) }
                @for points in 1..=5 {
                    label { input type="radio" name=(format!("{side}_{field}")) value=(points) data-points; (points) }
                }
            }
        }
    }
}

/// What a form says of one side; nothing where a question has no answer.
pub(crate) fn said(sent: &Sent, side: &str) -> Option<Points> {
    let points = |field: &str| sent.said(&format!("{side}_{field}"))?.parse().ok();
    let points = Points { fun: points("fun")?, structure: points("structure")?, adherence: points("adherence")? };
    points.are_valid().then_some(points)
}
