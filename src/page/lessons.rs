//! Lessons: what each site learns now or learnt last, how its losses went, and what became of those before.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use curriculum::{Lineage, WorstShown};
use cycle::{LessonFile, LessonRecord, LessonStep, LessonView};
use maud::{Markup, html};
use uuid::Uuid;

use crate::session::Signed;
use crate::{Page, difference, layout, words};

/// A drawing is shown as a picture and may have its own style; it can do nothing else.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(crate) async fn view(State(page): State<Page>, Extension(signed): Extension<Signed>) -> Response {
    let main = html! {
        h1 data-live { "Lessons" }
        @if !page.admin.learning {
            p { "No lessons are held: the student or lessons are switched off, or the teacher's terms do not allow them (" code { "teacher.distillable" } ")." }
        }
        @for site in page.admin.sites() {
            section.card {
                h2 { a href=(format!("/sites/{}", site.view.site)) { bdi { (site.view.site) } } }
                @match &site.lesson {
                    Some(lesson) => {
                        (told(&signed, site.view.site.as_str(), lesson))
                        p { a href=(format!("/lessons/{}", site.view.site)) { "What it learnt from, its exam's worst answers, earlier lessons" } }
                    },
                    None => p.muted { "No lesson yet." },
                }
                @if let Some(waits) = &site.next_lesson { p.muted { "Next lesson: " (waits) "." } }
            }
        }
    };
    layout::view(&signed, "/lessons", "Lessons", main)
}

/// Everything about the lessons of one site.
pub(crate) async fn of_site(
    State(page): State<Page>,
    Extension(signed): Extension<Signed>,
    Path(name): Path<String>,
) -> Response {
    let found = match page.admin.site(&name) {
        Ok(site) => page.admin.lesson_records(&name).await.map(|records| (site, records)),
        Err(problem) => Err(problem),
    };
    let (site, records) = match found {
        Ok(found) => found,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    let worst = page.admin.worst(&name).await.unwrap_or_default();
    let last = site.lesson.as_ref().map(|lesson| lesson.number);
    let lineage = records.iter().find(|record| Some(record.number) == last).and_then(|record| record.lineage.as_ref());
    let main = html! {
        h1 data-live { "Lessons of " bdi { (site.view.site) } }
        @if let Some(lesson) = &site.lesson {
            section.card {
                (told(&signed, &name, lesson))
                @if let Some(lineage) = lineage { (drawn(lineage)) }
                @if !worst.is_empty() { (furthest(&name, &worst)) }
            }
        }
        @if let Some(waits) = &site.next_lesson { p.muted { "Next lesson: " (waits) "." } }
        section { h2 { "All lessons" } (all(&records)) }
        p { a href=(format!("/sites/{}", site.view.site)) { "The site" } ", " a href="/lessons" { "all sites' lessons" } }
    };
    layout::view(&signed, "/lessons", &format!("Lessons of {}", site.view.site), main)
}

/// A lesson as it goes, or as it went.
fn told(signed: &Signed, site: &str, lesson: &LessonView) -> Markup {
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
        @if lesson.step.is_running() { (cancelling(signed, site)) }
        @if lesson.report.is_some() {
            img.curve src=(format!("/lessons/{site}/curve.svg?step={}", lesson.steps_done)) alt="Loss by step: training and held-out" loading="lazy";
        }
    }
}

/// Every lesson whose folder is still there.
fn all(records: &[LessonRecord]) -> Markup {
    html! {
        @if records.is_empty() { p { "None yet." } }
        @else {
            div.wide tabindex="0" role="region" aria-label="Table" { table {
                thead { tr { th { "Lesson" } th { "What became of it" } th { "Exam" } th { "Learnt from" } th { "Held out" } th { "Exchanges from" } th { "to" } } }
                tbody { @for record in records { (row(record)) } }
            } }
        }
    }
}

fn row(record: &LessonRecord) -> Markup {
    let lineage = record.lineage.as_ref();
    let time = |id: Option<Uuid>| id.map_or_else(|| "-".to_owned(), |id| words::time(capture::id_time_ms(id)));
    html! {
        tr {
            td { (record.number) }
            td.text {
                @match (&record.version, &record.problem) {
                    (Some(version), _) => { "version " code { (version) } },
                    (None, Some(problem)) => bdi { (problem) },
                    (None, None) if record.ended => "failed its exam",
                    (None, None) => "under way",
                }
            }
            td { (record.exam.map_or_else(|| "-".to_owned(), |exam| format!("{exam:.3}"))) }
            td { @match lineage { Some(lineage) => (lineage.train), None => "-" } }
            td { @match lineage { Some(lineage) => (lineage.held_out), None => "-" } }
            td { (time(lineage.and_then(|lineage| lineage.first))) }
            td { (time(lineage.and_then(|lineage| lineage.last))) }
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
