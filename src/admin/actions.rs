//! What an operator does to a call site.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use callsite::VersionId;
use handover::{Compared, OperatorAction, Rating};
use ledger::{Outcome, RatingRequest};
use serde::Deserialize;

use crate::Admin;
use crate::beside::beside;
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
    compared: Option<Compared>,
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
) -> Result<Json<Outcome>, Problem> {
    let RollbackRequest { to, reason, actor } =
        parsed_or_default(&body, r#"{"to": version?, "reason": text?, "actor": name?}"#)?;
    admin.operate(&site, OperatorAction::Rollback { to }, reason, actor).await.map(Json)
}

pub(crate) async fn discard(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Json<Outcome>, Problem> {
    let DiscardRequest { version, reason, actor } =
        parsed(&body, r#"{"version": version, "reason": text?, "actor": name?}"#)?;
    admin.operate(&site, OperatorAction::Discard { version }, reason, actor).await.map(Json)
}

/// The actions whose body is a reason and an actor.
macro_rules! with_reason {
    ($($name:ident => $action:expr;)*) => {$(
        pub(crate) async fn $name(
            State(admin): State<Admin>,
            Path(site): Path<String>,
            Whole(body): Whole,
        ) -> Result<Json<Outcome>, Problem> {
            let WithReason { reason, actor } = parsed_or_default(&body, r#"{"reason": text?, "actor": name?}"#)?;
            admin.operate(&site, $action, reason, actor).await.map(Json)
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
) -> Result<Json<Outcome>, Problem> {
    let CapRequest { share, reason, actor } =
        parsed(&body, r#"{"share": a number in (0, 1], "reason": text?, "actor": name?}"#)?;
    admin.operate(&site, OperatorAction::Cap { share }, reason, actor).await.map(Json)
}

pub(crate) async fn rate(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Json<Rating>, Problem> {
    let form = r#"{"request": id, "good": true or false, "version": version?, "reason": text?, "actor": name?, "compared": {"teacher_good": true or false, "student_points": points?, "teacher_points": points?}?}"#;
    let RateRequest { request, good, version, reason, actor, compared } = parsed(&body, form)?;
    admin.rate(&site, RatingRequest { request, version, good, reason, actor, compared }).await.map(Json)
}

pub(crate) async fn train(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Response, Problem> {
    admin.ask_for_lesson(&site)?;
    Ok((StatusCode::ACCEPTED, Json(serde_json::json!({"site": site, "lesson": "requested"}))).into_response())
}

/// Ends the running lesson.
pub(crate) async fn cancel(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let WithReason { reason, actor } = parsed_or_default(&body, r#"{"reason": text?, "actor": name?}"#)?;
    admin.cancel_lesson(&site, reason, actor)?;
    Ok((StatusCode::ACCEPTED, Json(serde_json::json!({"site": site, "lesson": "cancelled"}))).into_response())
}

/// Does what SIGHUP does, and says what came of it.
pub(crate) async fn reload(State(admin): State<Admin>) -> Result<Response, Problem> {
    let Some(reload) = admin.reload else {
        return Err(problem(StatusCode::CONFLICT, "this program was started without a configuration file"));
    };
    let read = beside(move || reload()).await?;
    Ok(Json(read.map_err(|error| problem(StatusCode::BAD_REQUEST, error))?).into_response())
}

impl Admin {
    /// Does to a call site what an operator wants, with who wants it and why.
    ///
    /// # Errors
    /// What the ledger refuses.
    pub async fn operate(
        &self,
        site: &str,
        action: OperatorAction,
        reason: Option<String>,
        actor: Option<String>,
    ) -> Result<Outcome, Problem> {
        let (site, now_ms, ledger) = (site_of(site)?, (self.clock)(), self.ledger.clone());
        beside(move || ledger.operate(&site, now_ms, action, reason, actor)).await?.map_err(refused)
    }

    /// Keeps what a person says of an answer.
    ///
    /// # Errors
    /// What the ledger refuses.
    pub async fn rate(&self, site: &str, asked: RatingRequest) -> Result<Rating, Problem> {
        let (site, now_ms, ledger) = (site_of(site)?, (self.clock)(), self.ledger.clone());
        beside(move || ledger.rate(&site, now_ms, asked)).await?.map_err(refused)
    }

    /// Asks for the site's next lesson.
    ///
    /// # Errors
    /// When there can be none.
    pub fn ask_for_lesson(&self, site: &str) -> Result<(), Problem> {
        let site = site_of(site)?;
        let view = self.ledger.view(&site).map_err(refused)?;
        if view.state == handover::State::Held {
            let message = format!("`{site}` is held and learns nothing; `promote` releases it");
            return Err(problem(StatusCode::CONFLICT, message));
        }
        if !self.learning {
            let message =
                "lessons are off: student.enabled, lessons.enabled and teacher.distillable = \"yes\" are needed";
            return Err(problem(StatusCode::CONFLICT, message));
        }
        self.requests.request(&site);
        Ok(())
    }

    /// Ends the site's running lesson: it counts as one that came to nothing.
    ///
    /// # Errors
    /// When none runs.
    pub fn cancel_lesson(&self, site: &str, reason: Option<String>, actor: Option<String>) -> Result<(), Problem> {
        let site = site_of(site)?;
        // One that waits for its server runs no more than one that has ended.
        let runs = |lesson: cycle::LessonView| lesson.step.is_running() && lesson.problem.is_none();
        if !self.lessons.lesson(&site).is_some_and(runs) {
            return Err(problem(StatusCode::CONFLICT, format!("no lesson of `{site}` runs")));
        }
        let by = actor.map(|actor| format!("by {actor}")).unwrap_or_else(|| "by an operator".to_owned());
        let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        self.requests.cancel(&site, format!("{by}{why}"));
        Ok(())
    }
}

fn parsed_or_default<T: Default + for<'de> Deserialize<'de>>(body: &[u8], form: &str) -> Result<T, Problem> {
    if body.is_empty() { Ok(T::default()) } else { parsed(body, form) }
}

fn parsed<T: for<'de> Deserialize<'de>>(body: &[u8], form: &str) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| problem(StatusCode::BAD_REQUEST, format!("the body is {form}: {error}")))
}
