//! The table of paths. Nothing else is in this file; a test holds it against `openapi.json`.

use axum::Router;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::{Admin, about, actions, auth, captures, exchanges, found, labels, search, versions, views};

/// The admin API.
pub fn router(admin: Admin) -> Router {
    let with_token = Router::new()
        .route("/admin/student", get(views::student))
        .route("/admin/call-sites", get(views::list))
        .route("/admin/call-sites/{site}", get(views::show))
        .route("/admin/call-sites/{site}/lessons", get(views::lessons))
        .route("/admin/call-sites/{site}/lesson", get(views::lesson))
        .route("/admin/call-sites/{site}/lesson/curve", get(views::curve))
        .route("/admin/call-sites/{site}/lesson/worst", get(views::worst))
        .route("/admin/call-sites/{site}/lesson/cancel", post(actions::cancel))
        .route("/admin/call-sites/{site}/versions", get(versions::list))
        .route("/admin/call-sites/{site}/labels", get(labels::download))
        .route("/admin/call-sites/{site}/rollback", post(actions::rollback))
        .route("/admin/call-sites/{site}/discard", post(actions::discard))
        .route("/admin/call-sites/{site}/promote", post(actions::promote))
        .route("/admin/call-sites/{site}/hold", post(actions::hold))
        .route("/admin/call-sites/{site}/pause", post(actions::pause))
        .route("/admin/call-sites/{site}/resume", post(actions::resume))
        .route("/admin/call-sites/{site}/cap", post(actions::cap))
        .route("/admin/call-sites/{site}/shadow", post(actions::shadow))
        .route("/admin/call-sites/{site}/ratings", post(actions::rate))
        .route("/admin/call-sites/{site}/train", post(actions::train))
        .route("/admin/call-sites/{site}/exchanges", post(exchanges::add).layer(exchanges::room()))
        .route("/admin/capture", get(captures::overview))
        .route("/admin/captures", get(search::download))
        .route("/admin/capture/verify", post(captures::verify))
        .route("/admin/capture/seal", post(captures::seal))
        .route("/admin/capture/erase", post(captures::erase))
        .route("/admin/found-sites", get(found::list))
        .route("/admin/found-sites/{site}/name", post(found::name))
        .route("/admin/found-sites/{site}/merge", post(found::merge))
        .route("/admin/found-sites/{site}/split", post(found::split))
        .route("/admin/found-sites/{site}/ignore", post(found::ignore))
        .route("/admin/teacher", get(about::teacher))
        .route("/admin/teacher/check", get(about::check_teacher))
        .route("/admin/configuration", get(about::configuration))
        .route("/admin/generated", get(about::generated))
        .route("/admin/reload", post(actions::reload))
        .route("/admin/audit", get(views::audit))
        .layer(from_fn_with_state(admin.clone(), auth::with_token));
    Router::new()
        .route("/metrics", get(views::metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ready\n" }))
        .route("/admin/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], OPENAPI) }))
        .merge(with_token)
        .layer(from_fn_with_state(admin.clone(), auth::with_own_host))
        .with_state(admin)
}

pub(crate) const OPENAPI: &str = include_str!("openapi.json");
