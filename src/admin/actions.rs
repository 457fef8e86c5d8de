//! What an operator does to a call site.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use callsite::VersionId;
use handover::OperatorAction;
use ledger::{LedgerError, RatingRequest};
use serde::{Deserialize, Serialize};

use crate::Admin;
use crate::body::Whole;
use crate::problem::{Problem, problem, refused};
use crate::views::site_of;

/// The body of what needs nothing but a reason.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WithReason {
    reason: Option<String>,
    actor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CapRequest {
    share: f64,
    reason: Option<String>,
    actor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateRequest {
    request: String,
    good: bool,
    version: Option<VersionId>,
    reason: Option<String>,
    actor: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RollbackRequest {
    to: Option<VersionId>,
    reason: Option<String>,
    actor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscardRequest {
    version: VersionId,
    reason: Option<String>,
    actor: Option<String>,
}

pub(crate) async fn rollback(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let RollbackRequest { to, reason, actor } =
        parsed_or_default(&body, r#"{"to": version?, "reason": text?, "actor": name?}"#)?;
    admin.operate(&site, OperatorAction::Rollback { to }, reason, actor).await
}

pub(crate) async fn discard(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let DiscardRequest { version, reason, actor } =
        parsed(&body, r#"{"version": version, "reason": text?, "actor": name?}"#)?;
    admin.operate(&site, OperatorAction::Discard { version }, reason, actor).await
}

/// The actions whose body is a reason and an actor.
macro_rules! with_reason {
    ($($name:ident => $action:expr;)*) => {$(
        pub(crate) async fn $name(
            State(admin): State<Admin>,
            Path(site): Path<String>,
            Whole(body): Whole,
        ) -> Result<Response, Problem> {
            let WithReason { reason, actor } = parsed_or_default(&body, r#"{"reason": text?, "actor": name?}"#)?;
            admin.operate(&site, $action, reason, actor).await
        }
    )*};
}

with_reason! {
    promote => OperatorAction::Promote;
    hold => OperatorAction::Hold;
    pause => OperatorAction::Pause;
    resume => OperatorAction::Resume;
    shadow => OperatorAction::Shadow;
}

pub(crate) async fn cap(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let CapRequest { share, reason, actor } =
        parsed(&body, r#"{"share": a number in (0, 1], "reason": text?, "actor": name?}"#)?;
    admin.operate(&site, OperatorAction::Cap { share }, reason, actor).await
}

pub(crate) async fn rate(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let form = r#"{"request": id, "good": true or false, "version": version?, "reason": text?, "actor": name?}"#;
    let RateRequest { request, good, version, reason, actor } = parsed(&body, form)?;
    let (site, now_ms) = (site_of(&site)?, (admin.clock)());
    let asked = RatingRequest { request, version, good, reason, actor };
    blocking(move || admin.ledger.rate(&site, now_ms, asked)).await
}

pub(crate) async fn train(State(admin): State<Admin>, Path(name): Path<String>) -> Result<Response, Problem> {
    let site = site_of(&name)?;
    let view = admin.ledger.view(&site).map_err(refused)?;
    if view.state == handover::State::Held {
        let message = format!("`{site}` is held and learns nothing; `promote` releases it");
        return Err(problem(StatusCode::CONFLICT, message));
    }
    if !admin.learning {
        let message = "lessons are off: student.enabled, lessons.enabled and teacher.distillable = \"yes\" are needed";
        return Err(problem(StatusCode::CONFLICT, message));
    }
    admin.requests.request(&site);
    Ok((StatusCode::ACCEPTED, Json(serde_json::json!({"site": site, "lesson": "requested"}))).into_response())
}

/// Does what SIGHUP does, and says what came of it.
pub(crate) async fn reload(State(admin): State<Admin>) -> Result<Response, Problem> {
    let Some(reload) = admin.reload else {
        return Err(problem(StatusCode::CONFLICT, "this program was started without a configuration file"));
    };
    let done = tokio::task::spawn_blocking(move || reload()).await;
    let read = done.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    Ok(Json(read.map_err(|error| problem(StatusCode::BAD_REQUEST, error))?).into_response())
}

impl Admin {
    async fn operate(
        self,
        site: &str,
        action: OperatorAction,
        reason: Option<String>,
        actor: Option<String>,
    ) -> Result<Response, Problem> {
        let (site, now_ms) = (site_of(site)?, (self.clock)());
        blocking(move || self.ledger.operate(&site, now_ms, action, reason, actor)).await
    }
}

/// Disk work runs beside the listener's own thread.
async fn blocking<T: Serialize + Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<Response, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    let outcome = done.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))?.map_err(refused)?;
    Ok(Json(outcome).into_response())
}

fn parsed_or_default<T: Default + for<'de> Deserialize<'de>>(body: &[u8], form: &str) -> Result<T, Problem> {
    if body.is_empty() { Ok(T::default()) } else { parsed(body, form) }
}

fn parsed<T: for<'de> Deserialize<'de>>(body: &[u8], form: &str) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| problem(StatusCode::BAD_REQUEST, format!("the body is {form}: {error}")))
}
