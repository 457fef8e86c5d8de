//! Lessons: what each site learns now or learnt last, and how its losses went.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use cycle::{LessonFile, LessonView};
use maud::{Markup, html};

use crate::session::Signed;
use crate::{Page, layout, words};

/// A drawing is shown as a picture and may have its own style; it can do nothing else.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(crate) async fn view(State(page): State<Page>, Extension(signed): Extension<Signed>) -> Response {
    let sites = page.admin.sites();
    let main = html! {
        h1 data-live { "Lessons" }
        @if !page.admin.learning {
            p { "No lessons are held: the student or lessons are switched off, or the teacher's terms do not allow them (" code { "teacher.distillable" } ")." }
        }
        @for site in &sites {
            section.card {
                h2 { a href=(format!("/sites/{}", site.view.site)) { bdi { (site.view.site) } } }
                @match &site.lesson {
                    Some(lesson) => (report(site.view.site.as_str(), lesson)),
                    None => p.muted { "No lesson yet." },
                }
                @if let Some(waits) = &site.next_lesson { p.muted { "Next lesson: " (waits) "." } }
            }
        }
    };
    layout::view(&signed, "/lessons", "Lessons", main)
}

fn report(site: &str, lesson: &LessonView) -> Markup {
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    html! {
        p { (words::lesson(lesson)) }
        @if lesson.steps > 0 { progress value=(lesson.steps_done) max=(lesson.steps) aria-label="Steps" {} }
        dl.facts {
            div { dt { "examples" } dd { (lesson.examples) } }
            div { dt { "too long" } dd { (lesson.dropped) } }
            div { dt { "loss" } dd { (figure(lesson.loss)) } }
            div { dt { "held-out loss" } dd { (figure(lesson.held_out_loss)) } }
            div { dt { "exact" } dd { (figure(lesson.held_out_exact)) } }
            div { dt { "exam" } dd { (figure(lesson.exam)) } }
        }
        @if lesson.report.is_some() {
            img.curve src=(format!("/lessons/{site}/curve.svg?step={}", lesson.steps_done)) alt="Loss by step: training and held-out" loading="lazy";
        }
    }
}

/// The loss curves of a site's last lesson.
pub(crate) async fn curve(
    State(page): State<Page>,
    Extension(signed): Extension<Signed>,
    Path(site): Path<String>,
) -> Response {
    match page.admin.lesson_bytes(&site, LessonFile::Curve).await {
        Ok(bytes) => {
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
            ([kind, (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_POLICY))], bytes).into_response()
        }
        Err(problem) => layout::problem(Some(&signed), problem.status, &problem.message),
    }
}
