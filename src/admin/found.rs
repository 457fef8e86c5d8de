//! Call sites that no client names: what was found, and what a person says of it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use callsite::SiteId;
use fingerprint::{EditError, Finder, FoundView};
use serde::Deserialize;

use crate::Admin;
use crate::body::Whole;
use crate::problem::{Problem, problem};
use crate::views::site_of;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRequest {
    name: SiteId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeRequest {
    into: SiteId,
}

pub(crate) async fn list(State(admin): State<Admin>) -> Json<Vec<FoundView>> {
    Json(admin.finder.views())
}

pub(crate) async fn name(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let NameRequest { name } = parsed(&body, r#"{"name": call site}"#)?;
    let shown = name.clone();
    admin.edit(&site, shown, move |finder, site| finder.rename(site, &name)).await
}

pub(crate) async fn merge(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let MergeRequest { into } = parsed(&body, r#"{"into": call site}"#)?;
    let shown = into.clone();
    admin.edit(&site, shown, move |finder, site| finder.merge(site, &into)).await
}

pub(crate) async fn split(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Response, Problem> {
    let shown = site_of(&site)?;
    admin.edit(&site, shown, Finder::split).await
}

pub(crate) async fn ignore(State(admin): State<Admin>, Path(site): Path<String>) -> Result<Response, Problem> {
    let shown = site_of(&site)?;
    admin.edit(&site, shown, Finder::ignore).await
}

impl Admin {
    /// Makes the change, writes it, and shows the site `shown` as it is now.
    async fn edit(
        self,
        site: &str,
        shown: SiteId,
        change: impl FnOnce(&Finder, &SiteId) -> Result<(), EditError>,
    ) -> Result<Response, Problem> {
        change(&self.finder, &site_of(site)?).map_err(|error| {
            let status =
                if matches!(error, EditError::NotFound(_)) { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT };
            problem(status, error)
        })?;
        let settle = self.settle.clone();
        // Disk work runs beside the listener's own thread.
        let settled = tokio::task::spawn_blocking(move || settle()).await;
        let settled = settled.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))?;
        settled.map_err(|error| problem(StatusCode::SERVICE_UNAVAILABLE, error))?;
        let view = self.finder.views().into_iter().find(|view| view.site == shown);
        Ok(Json(view).into_response())
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(body: &[u8], form: &str) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| problem(StatusCode::BAD_REQUEST, format!("the body is {form}: {error}")))
}
