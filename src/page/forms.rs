//! What the buttons do: nothing that the admin API does not, by the same functions.

use admin::{FoundAction, Problem};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use callsite::SiteId;
use capture::{Erase, Subject};
use handover::OperatorAction;

use crate::Page;
use crate::guard::Sent;
use crate::layout;

/// Steers a call site, and shows it.
pub(crate) async fn operate(State(page): State<Page>, Path(site): Path<String>, sent: Sent) -> Response {
    let action = match sent.said("action").as_deref() {
        Some("learn") => {
            let asked = page.admin.ask_for_lesson(&site);
            return done(&sent, asked, &format!("/sites/{site}"));
        }
        Some("rollback") => OperatorAction::Rollback { to: None },
        Some("promote") => OperatorAction::Promote,
        Some("hold") => OperatorAction::Hold,
        Some("pause") => OperatorAction::Pause,
        Some("resume") => OperatorAction::Resume,
        Some("shadow") => OperatorAction::Shadow,
        other => return unknown(&sent, other),
    };
    let outcome = page.admin.operate(&site, action, sent.said("reason"), sent.signed.actor.clone()).await;
    done(&sent, outcome, &format!("/sites/{site}"))
}

/// Ends a lesson.
pub(crate) async fn cancel(State(page): State<Page>, Path(site): Path<String>, sent: Sent) -> Response {
    let cancelled = page.admin.cancel_lesson(&site, sent.said("reason"), sent.signed.actor.clone());
    done(&sent, cancelled, &format!("/lessons/{site}"))
}

/// Names a found site, or says that it is another's or none.
pub(crate) async fn found(State(page): State<Page>, Path(site): Path<String>, sent: Sent) -> Response {
    let named = || SiteId::new(&sent.said("name").unwrap_or_default()).map_err(|error| error.to_string());
    let action = match sent.said("action").as_deref() {
        Some("name") => named().map(FoundAction::Name),
        Some("merge") => named().map(FoundAction::Merge),
        Some("ignore") => Ok(FoundAction::Ignore),
        other => return unknown(&sent, other),
    };
    let changed = match action {
        Ok(action) => page.admin.edit_found(&site, action).await,
        Err(why) => return layout::problem(Some(&sent.signed), StatusCode::BAD_REQUEST, &why),
    };
    done(&sent, changed, "/")
}

/// Erases from the exchange log.
pub(crate) async fn erase(State(page): State<Page>, sent: Sent) -> Response {
    let value = sent.said("value").unwrap_or_default();
    let subject = match sent.said("subject").as_deref() {
        Some("user") => Ok(Subject::User(value)),
        Some("site") => SiteId::new(&value).map(Subject::Site).map_err(|error| error.to_string()),
        Some("exchange") => value.parse().map(Subject::Exchange).map_err(|_| format!("`{value}` is no exchange's id")),
        other => return unknown(&sent, other),
    };
    let erased = match subject {
        Ok(subject) => {
            let erase = Erase { subject, before_ms: None, set_aside: false };
            page.admin.erase_captured(erase).await.map(|_| ())
        }
        Err(why) => return layout::problem(Some(&sent.signed), StatusCode::BAD_REQUEST, &why),
    };
    done(&sent, erased, "/captures")
}

/// After a form a browser is sent to a view, so that going back sends nothing twice.
fn done<T>(sent: &Sent, outcome: Result<T, Problem>, view: &str) -> Response {
    match outcome {
        Ok(_) => Redirect::to(view).into_response(),
        Err(problem) => layout::problem(Some(&sent.signed), problem.status, &problem.message),
    }
}

fn unknown(sent: &Sent, action: Option<&str>) -> Response {
    let why = format!("There is no action `{}`.", action.unwrap_or_default());
    layout::problem(Some(&sent.signed), StatusCode::BAD_REQUEST, &why)
}
