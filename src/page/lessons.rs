//! Lessons: what each site learns now or learnt last, and how its losses went.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use curriculum::{Lineage, WorstShown};
use cycle::{LessonFile, LessonStep, LessonView};
use maud::{Markup, html};

use crate::session::Signed;
use crate::{Page, difference, layout, words};

/// A drawing is shown as a picture and may have its own style; it can do nothing else.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(crate) async fn view(State(page): State<Page>, Extension(signed): Extension<Signed>) -> Response {
    let sites = page.admin.sites();
    let mut told = Vec::new();
    for site in &sites {
        told.push(match &site.lesson {
            Some(lesson) => Some(report(&page, &signed, site.view.site.as_str(), lesson).await),
            None => None,
        });
    }
    let main = html! {
        h1 data-live { "Lessons" }
        @if !page.admin.learning {
            p { "No lessons are held: the student or lessons are switched off, or the teacher's terms do not allow them (" code { "teacher.distillable" } ")." }
        }
        @for (site, told) in sites.iter().zip(&told) {
            section.card {
                h2 { a href=(format!("/sites/{}", site.view.site)) { bdi { (site.view.site) } } }
                @match told {
                    Some(told) => (told),
                    None => p.muted { "No lesson yet." },
                }
                @if let Some(waits) = &site.next_lesson { p.muted { "Next lesson: " (waits) "." } }
            }
        }
    };
    layout::view(&signed, "/lessons", "Lessons", main)
}

async fn report(page: &Page, signed: &Signed, site: &str, lesson: &LessonView) -> Markup {
    let lineage = page.admin.lesson_bytes(site, LessonFile::Lineage).await.ok();
    let lineage: Option<Lineage> = lineage.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let worst = page.admin.worst(site).await.unwrap_or_default();
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
            @if lesson.step.is_running() && lesson.tokens_per_s > 0.0 {
                div { dt { "tokens/s" } dd { (format!("{:.0}", lesson.tokens_per_s)) } }
            }
            @if let Some(left_s) = lesson.left_s.filter(|_| lesson.step == LessonStep::Training) {
                div { dt { "to go" } dd { "about " (words::milliseconds(left_s * 1000.0)) } }
            }
        }
        @if let Some(lineage) = &lineage { (drawn(lineage)) }
        @if !worst.is_empty() { (furthest(site, &worst)) }
        @if lesson.step.is_running() { (cancelling(signed, site)) }
        @if lesson.report.is_some() {
            img.curve src=(format!("/lessons/{site}/curve.svg?step={}", lesson.steps_done)) alt="Loss by step: training and held-out" loading="lazy";
        }
    }
}

/// What its examples were drawn from, and what was left out, by reason.
fn drawn(lineage: &Lineage) -> Markup {
    html! {
        p.muted {
            (lineage.seen) " exchanges seen, " (lineage.train) " learnt from, " (lineage.held_out) " held out for the exam"
            @for (reason, count) in &lineage.left_out { "; " (count) " left out: " (reason) }
            ". Their hash: " code { (lineage.hash.get(..16).unwrap_or(&lineage.hash)) }
        }
    }
}

/// The exam's worst answers beside the teacher's.
fn furthest(site: &str, worst: &[WorstShown]) -> Markup {
    html! {
        details id=(format!("worst-{site}")) {
            summary { "The exam's " (worst.len()) " worst answers" }
            @for one in worst {
                p.muted { "quality " (words::quality(one.quality)) @if one.refused { ", refused by a verifier" } }
                @if let Some(asked) = one.prompt.last() { pre.text { (asked.text) } }
                div.pair {
                    section.card { h3 { "Teacher" } pre.text { (difference::marked(&one.teacher, &one.student)) } }
                    section.card { h3 { "Student" } pre.text { (difference::marked(&one.student, &one.teacher)) } }
                }
            }
        }
    }
}

fn cancelling(signed: &Signed, site: &str) -> Markup {
    html! {
        details id=(format!("cancel-{site}")) {
            summary { "Cancel it" }
            form.buttons method="post" action=(format!("/lessons/{site}/cancel")) {
                (layout::form_token(signed))
                label { "Reason, kept with the lesson" input type="text" name="reason" maxlength="500"; }
                button.danger { "Cancel the lesson" }
            }
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
