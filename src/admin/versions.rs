//! The versions of a call site: what each is to the hand-over, and what its manifest says of where it came from.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use callsite::VersionId;
use handover::State as Standing;
use ledger::SiteView;
use registry::Manifest;
use serde::Serialize;

use crate::Admin;
use crate::beside::beside;
use crate::problem::{Problem, problem};

/// What a version is to its site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionRole {
    /// Answers clients.
    Serving,
    /// Kept with its evidence while a person holds the site.
    Held,
    /// On trial, in place of none.
    Candidate,
    /// On trial beside the one that serves.
    Challenger,
    /// Proven before; a rollback may name it.
    Previous,
    /// Never served again.
    Discarded,
    /// Published, and nothing to the hand-over now.
    Kept,
}

impl VersionRole {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Held => "held",
            Self::Candidate => "candidate",
            Self::Challenger => "challenger",
            Self::Previous => "previous",
            Self::Discarded => "discarded",
            Self::Kept => "kept",
        }
    }

    fn of(view: &SiteView, version: &VersionId) -> Self {
        if view.version.as_ref() == Some(version) {
            match view.state {
                Standing::Held => Self::Held,
                state if state.is_serving() => Self::Serving,
                _ => Self::Candidate,
            }
        } else if view.challenger.as_ref().is_some_and(|challenger| challenger.version == *version) {
            Self::Challenger
        } else if view.discarded_versions.contains(version) {
            Self::Discarded
        } else if view.proven_versions.contains(version) {
            Self::Previous
        } else {
            Self::Kept
        }
    }
}

/// One version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionResponse {
    pub version: VersionId,
    pub role: VersionRole,
    /// Its files with their hashes and what its maker knew: base, lesson, lineage, exam. Absent where it was removed.
    pub manifest: Option<Manifest>,
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    Path(site): Path<String>,
) -> Result<Json<Vec<VersionResponse>>, Problem> {
    admin.versions(&site).await.map(Json)
}

impl Admin {
    /// Every version of a site that is published or that the hand-over names, the newest first.
    ///
    /// # Errors
    /// When there is no such site, or the registry cannot be read.
    pub async fn versions(&self, site: &str) -> Result<Vec<VersionResponse>, Problem> {
        let (view, registry) = (self.site(site)?.view, self.about.registry.clone());
        let read = beside(move || {
            let mut all = registry.versions(&view.site)?;
            let named = view.version.iter().chain(view.challenger.iter().map(|challenger| &challenger.version));
            for version in named.chain(&view.proven_versions).chain(&view.discarded_versions) {
                if !all.contains(version) {
                    all.push(version.clone());
                }
            }
            all.sort_by_key(|version| std::cmp::Reverse(number(version)));
            let response = |version: VersionId| {
                let manifest = registry.manifest(&view.site, &version)?;
                Ok(VersionResponse { role: VersionRole::of(&view, &version), manifest, version })
            };
            all.into_iter().map(response).collect::<Result<Vec<_>, registry::RegistryError>>()
        });
        read.await?.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))
    }
}

/// Versions are counted; one whose name says no number comes last.
fn number(version: &VersionId) -> u64 {
    version.as_str().split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
