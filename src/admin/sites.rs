//! Looking at call sites and steering them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use handover::Steer;
use ledger::{Entry, LedgerError, SiteView};
use serde::{Deserialize, Serialize};

use crate::Admin;

/// Entries of the log shown when nobody says how many, and at most.
const ENTRIES_DEFAULT: usize = 100;
const ENTRIES_MAX: usize = 10_000;

/// An error in the same shape as the data plane's.
pub(crate) fn problem(status: StatusCode, message: impl std::fmt::Display) -> (StatusCode, Json<serde_json::Value>) {
    let kind = if status.is_server_error() { "apprentice_error" } else { "invalid_request_error" };
    (
        status,
        Json(serde_json::json!({"error": {"message": message.to_string(), "type": kind, "param": null, "code": null}})),
    )
}

type Problem = (StatusCode, Json<serde_json::Value>);

/// A call site with what its lessons are doing.
#[derive(Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    view: SiteView,
    lesson: Option<cycle::Lesson>,
    next_lesson: Option<String>,
}

/// What a steering request may say.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    to: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct AuditQuery {
    site: Option<String>,
    limit: Option<usize>,
}

pub(crate) async fn list(State(admin): State<Admin>) -> Json<Vec<Shown>> {
    Json(admin.ledger.views().into_iter().map(|view| admin.shown(view)).collect())
}

pub(crate) async fn show(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Json<Shown>, Problem> {
    let view = admin.ledger.view(&site).map_err(refused)?;
    Ok(Json(admin.shown(view)))
}

pub(crate) async fn rollback(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let wish = wish(&body)?;
    admin.steer(site, Steer::Rollback { to: wish.to }, wish.reason).await
}

pub(crate) async fn promote(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    admin.steer(site, Steer::Promote, wish(&body)?.reason).await
}

pub(crate) async fn hold(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    admin.steer(site, Steer::Hold, wish(&body)?.reason).await
}

pub(crate) async fn train(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Response, Problem> {
    admin.ledger.view(&site).map_err(refused)?;
    admin.lessons.ask(&site);
    Ok((StatusCode::ACCEPTED, Json(serde_json::json!({"site": site, "lesson": "asked for"}))).into_response())
}

pub(crate) async fn audit(
    State(admin): State<Admin>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Vec<Entry>>, Problem> {
    let limit = query.limit.unwrap_or(ENTRIES_DEFAULT).min(ENTRIES_MAX);
    let read = move || admin.ledger.entries(query.site.as_deref(), limit);
    blocking(read).await.map(Json)
}

pub(crate) async fn metrics(State(admin): State<Admin>) -> Result<Response, Problem> {
    let text = admin.metrics.render().map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

impl Admin {
    fn shown(&self, view: SiteView) -> Shown {
        Shown { lesson: self.board.lesson(&view.site), next_lesson: self.board.waiting(&view.site), view }
    }

    async fn steer(self, site: String, steer: Steer, reason: Option<String>) -> Result<Response, Problem> {
        let now_ms = (self.clock)();
        let switch = blocking(move || self.ledger.steer(&site, now_ms, &steer, reason)).await?;
        Ok(Json(switch).into_response())
    }
}

/// Disk work runs beside the listener's own thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))?.map_err(refused)
}

fn refused(error: LedgerError) -> Problem {
    let status = match &error {
        LedgerError::UnknownSite(_) => StatusCode::NOT_FOUND,
        LedgerError::Steer(_) => StatusCode::CONFLICT,
        LedgerError::Record(_) | LedgerError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    problem(status, error)
}

fn wish(body: &[u8]) -> Result<Wish, Problem> {
    if body.is_empty() {
        return Ok(Wish::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        problem(StatusCode::BAD_REQUEST, format!("the body is {{\"to\": version?, \"reason\": text?}}: {error}"))
    })
}
