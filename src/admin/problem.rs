//! Errors in the same shape as the data plane's.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ledger::LedgerError;

/// What could not be done, for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    pub message: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, message } = self;
        let kind = if status.is_server_error() { "apprentice_error" } else { "invalid_request_error" };
        let error = serde_json::json!({"error": {"message": message, "type": kind, "param": null, "code": null}});
        (status, Json(error)).into_response()
    }
}

pub(crate) fn problem(status: StatusCode, message: impl std::fmt::Display) -> Problem {
    Problem { status, message: message.to_string() }
}

/// What a disk does not give or take now, and may later.
pub(crate) fn unavailable(error: impl std::fmt::Display) -> Problem {
    problem(StatusCode::SERVICE_UNAVAILABLE, error)
}

/// What the ledger refused.
pub(crate) fn refused(error: LedgerError) -> Problem {
    let status = match &error {
        LedgerError::UnknownSite(_) | LedgerError::UnknownRequest(_) => StatusCode::NOT_FOUND,
        LedgerError::Action(_)
        | LedgerError::AlreadyRated(_)
        | LedgerError::NotServing { .. }
        | LedgerError::NotTheStudents(_)
        | LedgerError::OtherVersion { .. } => StatusCode::CONFLICT,
        LedgerError::Text { .. } | LedgerError::Points(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem(status, error)
}
