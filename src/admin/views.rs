//! Looking: call sites, the student, the hand-over log, the metrics.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use callsite::SiteId;
use curriculum::WorstShown;
use cycle::{LessonFile, LessonRecord, LessonView};
use handover::Entry;
use ledger::SiteView;
use serde::{Deserialize, Serialize};

use crate::beside::beside;
use crate::problem::{Problem, problem, refused};
use crate::traffic::{SavedView, TrafficView};
use crate::{Admin, StudentFacts};

/// Entries of the log shown when nobody says how many, and at most.
const ENTRIES_DEFAULT: usize = 100;
const ENTRIES_MAX: usize = 1_000;

/// A call site with what its lessons are doing.
#[derive(Serialize)]
pub struct SiteResponse {
    #[serde(flatten)]
    pub view: SiteView,
    pub lesson: Option<LessonView>,
    /// What the next lesson waits for.
    pub next_lesson: Option<String>,
    /// Its last hour; absent without a request.
    pub traffic: Option<TrafficView>,
    /// What its students have saved; absent before one has answered.
    pub saved: Option<SavedView>,
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
    Json(admin.sites())
}

pub(crate) async fn show(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Json<SiteResponse>, Problem> {
    admin.site(&site).map(Json)
}

/// Every lesson of the site.
pub(crate) async fn lessons(
    State(admin): State<Admin>,
    Path(site): Path<String>,
) -> Result<Json<Vec<LessonRecord>>, Problem> {
    admin.lesson_records(&site).await.map(Json)
}

/// The report of the site's last or running lesson.
pub(crate) async fn lesson(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Response, Problem> {
    let report = admin.lesson_bytes(&site, LessonFile::Report).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], report).into_response())
}

/// Its loss curves, as a drawing.
pub(crate) async fn curve(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Response, Problem> {
    let curve = admin.lesson_bytes(&site, LessonFile::Curve).await?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], curve).into_response())
}

/// What the exam of its last lesson answered worst.
pub(crate) async fn worst(
    State(admin): State<Admin>,
    Path(site): Path<String>,
) -> Result<Json<Vec<WorstShown>>, Problem> {
    admin.worst(&site).await.map(Json)
}

pub(crate) async fn audit(State(admin): State<Admin>, Query(page): Query<Page>) -> Result<Json<Vec<Entry>>, Problem> {
    admin.entries(page.site, page.before, page.limit).await.map(Json)
}

pub(crate) async fn metrics(State(admin): State<Admin>) -> Result<Response, Problem> {
    let text = admin.metrics.render().map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

impl Admin {
    /// All call sites.
    #[must_use]
    pub fn sites(&self) -> Vec<SiteResponse> {
        self.ledger.views().into_iter().map(|view| self.site_response(view)).collect()
    }

    /// One call site.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn site(&self, site: &str) -> Result<SiteResponse, Problem> {
        let view = self.ledger.view(&site_of(site)?).map_err(refused)?;
        Ok(self.site_response(view))
    }

    /// Entries of the hand-over log, newest first, before the number `before`.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn entries(
        &self,
        site: Option<SiteId>,
        before: Option<u64>,
        limit: Option<usize>,
    ) -> Result<Vec<Entry>, Problem> {
        let (ledger, limit) = (self.ledger.clone(), limit.unwrap_or(ENTRIES_DEFAULT).min(ENTRIES_MAX));
        beside(move || ledger.entries(site.as_ref(), before, limit)).await
    }

    /// A file that the site's last lesson left.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn lesson_bytes(&self, site: &str, file: LessonFile) -> Result<Vec<u8>, Problem> {
        let (site, lessons) = (site_of(site)?, self.lessons.clone());
        let missing = || problem(StatusCode::NOT_FOUND, format!("no lesson of `{site}` has begun to train"));
        let of = site.clone();
        let read = beside(move || lessons.file(&of, file)).await?;
        read.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))?.ok_or_else(missing)
    }

    /// What the exam of the site's last lesson answered worst, as long as its examples are kept.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub async fn worst(&self, site: &str) -> Result<Vec<WorstShown>, Problem> {
        let (site, lessons) = (site_of(site)?, self.lessons.clone());
        let read = beside(move || lessons.worst(&site)).await?;
        read.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))
    }

    /// Every lesson of the site whose folder is still there, the newest first.
    ///
    /// # Errors
    /// When there is no such site, or its folder cannot be listed.
    pub async fn lesson_records(&self, site: &str) -> Result<Vec<LessonRecord>, Problem> {
        let (site, lessons) = (site_of(site)?, self.lessons.clone());
        self.ledger.view(&site).map_err(refused)?;
        let listed = beside(move || lessons.records(&site)).await?;
        listed.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))
    }

    fn site_response(&self, view: SiteView) -> SiteResponse {
        let (lesson, next_lesson) = (self.lessons.lesson(&view.site), self.lessons.blocked_by(&view.site));
        let (traffic, saved) = (self.traffic(&view.site), self.saved(&view));
        SiteResponse { lesson, next_lesson, traffic, saved, view }
    }
}
