//! Errors in the same shape as the data plane's.

use axum::Json;
use axum::http::StatusCode;
use ledger::LedgerError;

/// A status and its body.
pub(crate) type Problem = (StatusCode, Json<serde_json::Value>);

pub(crate) fn problem(status: StatusCode, message: impl std::fmt::Display) -> Problem {
    let kind = if status.is_server_error() { "apprentice_error" } else { "invalid_request_error" };
    (
        status,
        Json(serde_json::json!({"error": {"message": message.to_string(), "type": kind, "param": null, "code": null}})),
    )
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
        LedgerError::Text { .. } => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem(status, error)
}
