//! A request's body, whole and in its time.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;

use crate::problem::{Problem, problem};

/// How long a whole body may take: sixteen mebibytes at two megabits a second.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(60);

/// The body.
pub(crate) struct Whole(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match tokio::time::timeout(BODY_TIME, Bytes::from_request(request, state)).await {
            Ok(Ok(body)) => Ok(Self(body)),
            Ok(Err(rejection)) => Err(problem(rejection.status(), rejection.body_text())),
            Err(_) => Err(problem(StatusCode::REQUEST_TIMEOUT, format!("the body was not whole after {BODY_TIME:?}"))),
        }
    }
}
