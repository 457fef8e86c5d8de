//! The table of paths. Nothing else is in this file.

use axum::Router;
use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::{Admin, auth, sites};

/// The admin API.
pub fn router(admin: Admin) -> Router {
    let steering = Router::new()
        .route("/admin/call-sites", get(sites::list))
        .route("/admin/call-sites/{site}", get(sites::show))
        .route("/admin/call-sites/{site}/rollback", post(sites::rollback))
        .route("/admin/call-sites/{site}/promote", post(sites::promote))
        .route("/admin/call-sites/{site}/hold", post(sites::hold))
        .route("/admin/call-sites/{site}/train", post(sites::train))
        .route("/admin/audit", get(sites::audit))
        .layer(from_fn_with_state(admin.clone(), auth::with_token));
    Router::new()
        .route("/metrics", get(sites::metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ready\n" }))
        .route("/admin/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], OPENAPI) }))
        .merge(steering)
        .layer(from_fn(auth::with_own_host))
        .with_state(admin)
}

const OPENAPI: &str = include_str!("openapi.json");
