//! Looking: call sites, the student, the hand-over log, the metrics.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use callsite::SiteId;
use cycle::{LessonFile, LessonView};
use handover::Entry;
use ledger::SiteView;
use serde::{Deserialize, Serialize};

use crate::problem::{Problem, problem, refused};
use crate::{Admin, StudentFacts};

/// Entries of the log shown when nobody says how many, and at most.
const ENTRIES_DEFAULT: usize = 100;
const ENTRIES_MAX: usize = 1_000;

/// A call site with what its lessons are doing.
#[derive(Serialize)]
pub(crate) struct SiteResponse {
    #[serde(flatten)]
    view: SiteView,
    lesson: Option<LessonView>,
    /// What the next lesson waits for.
    next_lesson: Option<String>,
}

/// A page of the log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    site: Option<SiteId>,
    /// Only entries before this number: the last `seq` of the page before.
    before: Option<u64>,
    limit: Option<usize>,
}

/// The site of a path.
pub(crate) fn site_of(name: &str) -> Result<SiteId, Problem> {
    SiteId::new(name).map_err(|error| problem(StatusCode::NOT_FOUND, error))
}

pub(crate) async fn student(State(admin): State<Admin>) -> Json<Option<StudentFacts>> {
    Json(admin.student)
}

pub(crate) async fn list(State(admin): State<Admin>) -> Json<Vec<SiteResponse>> {
    Json(admin.ledger.views().into_iter().map(|view| admin.site_response(view)).collect())
}

pub(crate) async fn show(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Json<SiteResponse>, Problem> {
    let view = admin.ledger.view(&site_of(&site)?).map_err(refused)?;
    Ok(Json(admin.site_response(view)))
}

/// The report of the site's last or running lesson.
pub(crate) async fn lesson(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Response, Problem> {
    admin.lesson_file(&site, LessonFile::Report, "application/json").await
}

/// Its loss curves, as a drawing.
pub(crate) async fn curve(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Response, Problem> {
    admin.lesson_file(&site, LessonFile::Curve, "image/svg+xml").await
}

pub(crate) async fn audit(State(admin): State<Admin>, Query(page): Query<Page>) -> Result<Json<Vec<Entry>>, Problem> {
    let limit = page.limit.unwrap_or(ENTRIES_DEFAULT).min(ENTRIES_MAX);
    let read = move || admin.ledger.entries(page.site.as_ref(), page.before, limit);
    // Disk work runs beside the listener's own thread.
    let entries = tokio::task::spawn_blocking(read).await;
    entries.map(Json).map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))
}

pub(crate) async fn metrics(State(admin): State<Admin>) -> Result<Response, Problem> {
    let text = admin.metrics.render().map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

impl Admin {
    async fn lesson_file(&self, site: &str, file: LessonFile, kind: &'static str) -> Result<Response, Problem> {
        let (site, lessons) = (site_of(site)?, self.lessons.clone());
        let missing = || problem(StatusCode::NOT_FOUND, format!("no lesson of `{site}` has begun to train"));
        let (of, failed) =
            (site.clone(), |error: &dyn std::fmt::Display| problem(StatusCode::INTERNAL_SERVER_ERROR, error));
        // Disk work runs beside the listener's own thread.
        let read = tokio::task::spawn_blocking(move || lessons.file(&of, file)).await;
        let bytes = read.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?.ok_or_else(missing)?;
        Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
    }

    fn site_response(&self, view: SiteView) -> SiteResponse {
        let (lesson, next_lesson) = (self.lessons.lesson(&view.site), self.lessons.blocked_by(&view.site));
        SiteResponse { lesson, next_lesson, view }
    }
}
