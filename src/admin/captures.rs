//! The exchange log of a running proxy: how much there is, whether it is whole, erasing from it. All of it is disk work and runs
//! beside the listener's own thread.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use capture::{CaptureError, Erase, Overview, Segments, Verified};

use crate::Admin;
use crate::beside::beside;
use crate::body::Whole;
use crate::problem::{Problem, problem, unavailable};

pub(crate) async fn overview(State(admin): State<Admin>) -> Result<Json<Overview>, Problem> {
    of_log(admin, |log| log.overview()).await
}

pub(crate) async fn verify(State(admin): State<Admin>) -> Result<Json<Verified>, Problem> {
    of_log(admin, |log| log.verify()).await
}

pub(crate) async fn seal(State(admin): State<Admin>) -> Result<Json<Overview>, Problem> {
    of_log(admin, |log| log.seal().and_then(|()| log.overview())).await
}

pub(crate) async fn erase(State(admin): State<Admin>, Whole(body): Whole) -> Result<Json<serde_json::Value>, Problem> {
    let erase: Erase = serde_json::from_slice(&body).map_err(|error| problem(StatusCode::BAD_REQUEST, error))?;
    admin.erase_captured(erase).await.map(Json)
}

impl Admin {
    /// Erases from the exchange log and from all that was made of it; says in JSON what was found.
    ///
    /// # Errors
    /// When there is no log, or it cannot be read or written.
    pub async fn erase_captured(&self, erase: Erase) -> Result<serde_json::Value, Problem> {
        log(self)?;
        let erasing = self.erase.clone();
        beside(move || erasing(&erase)).await?.map_err(unavailable)
    }
}

pub(crate) fn log(admin: &Admin) -> Result<Arc<Segments>, Problem> {
    let none = || problem(StatusCode::CONFLICT, "there is no exchange log: it could not be opened");
    admin.captures.clone().ok_or_else(none)
}

async fn of_log<T: Send + 'static>(
    admin: Admin,
    look: impl FnOnce(&Segments) -> Result<T, CaptureError> + Send + 'static,
) -> Result<Json<T>, Problem> {
    let log = log(&admin)?;
    beside(move || look(&log)).await?.map(Json).map_err(unavailable)
}
