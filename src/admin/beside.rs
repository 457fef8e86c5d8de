//! Disk work runs beside the listener's own thread, which answers others meanwhile.

use axum::http::StatusCode;

use crate::problem::{Problem, problem};

/// What `work` gives, once it is done.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))
}
