//! Call sites that no client names: what was found, and what a person says of it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use callsite::SiteId;
use fingerprint::{EditError, FoundView};
use serde::Deserialize;

use crate::Admin;
use crate::beside::beside;
use crate::body::Whole;
use crate::problem::{Problem, problem, unavailable};
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

/// What a person says of a found call site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundAction {
    Name(SiteId),
    Merge(SiteId),
    Split,
    Ignore,
}

pub(crate) async fn list(State(admin): State<Admin>) -> Json<Vec<FoundView>> {
    Json(admin.finder.views())
}

pub(crate) async fn name(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Json<Option<FoundView>>, Problem> {
    let NameRequest { name } = parsed(&body, r#"{"name": call site}"#)?;
    admin.edit_found(&site, FoundAction::Name(name)).await.map(Json)
}

pub(crate) async fn merge(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Json<Option<FoundView>>, Problem> {
    let MergeRequest { into } = parsed(&body, r#"{"into": call site}"#)?;
    admin.edit_found(&site, FoundAction::Merge(into)).await.map(Json)
}

pub(crate) async fn split(
    State(admin): State<Admin>,
    Path(site): Path<String>,
) -> Result<Json<Option<FoundView>>, Problem> {
    admin.edit_found(&site, FoundAction::Split).await.map(Json)
}

pub(crate) async fn ignore(
    State(admin): State<Admin>,
    Path(site): Path<String>,
) -> Result<Json<Option<FoundView>>, Problem> {
    admin.edit_found(&site, FoundAction::Ignore).await.map(Json)
}

impl Admin {
    /// Makes a change, writes it, and shows the site that has become of it.
    ///
    /// # Errors
    /// When there is no such site, when it cannot be changed so, or when the change cannot be written.
    pub async fn edit_found(&self, site: &str, action: FoundAction) -> Result<Option<FoundView>, Problem> {
        let site = site_of(site)?;
        let shown = match &action {
            FoundAction::Name(name) | FoundAction::Merge(name) => name.clone(),
            FoundAction::Split | FoundAction::Ignore => site.clone(),
        };
        let changed = match &action {
            FoundAction::Name(name) => self.finder.rename(&site, name),
            FoundAction::Merge(into) => self.finder.merge(&site, into),
            FoundAction::Split => self.finder.split(&site),
            FoundAction::Ignore => self.finder.ignore(&site),
        };
        changed.map_err(|error| {
            let status =
                if matches!(error, EditError::NotFound(_)) { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT };
            problem(status, error)
        })?;
        let settle = self.settle.clone();
        beside(move || settle()).await?.map_err(unavailable)?;
        Ok(self.finder.views().into_iter().find(|view| view.site == shown))
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(body: &[u8], form: &str) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| problem(StatusCode::BAD_REQUEST, format!("the body is {form}: {error}")))
}
