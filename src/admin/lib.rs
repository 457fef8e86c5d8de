//! Steering and watching: the admin API.
//!
//! - [`auth`]: who may ask; [`routes`]: the table of paths; [`views`]: looking; [`actions`]: steering;
//! - `body`: a request's body, bounded in time; `beside`: disk work;
//! - `captures`: the exchange log: how much there is, whether it is whole, erasing; `search`: what of it somebody wants to see;
//! - `found`: call sites that no client names;
//! - `exchanges`: what was made or brought, into the exchange log;
//! - `traffic`: a site's last hour; `versions`: what was learnt from what; `labels`: what people said of answers, as data to learn from;
//! - `about`: the teacher, the configuration, the runs that made data;
//! - `openapi.json`: the API's description, served as it lies here.
//!
//! Answers requests and opens no socket: the program mounts [`router`] on its own listener, the loopback
//! interface by default. Everything it does the command line and the page do through it.

mod about;
mod actions;
mod auth;
mod beside;
mod body;
mod captures;
mod exchanges;
mod found;
mod labels;
mod problem;
mod routes;
mod search;
mod traffic;
mod versions;
mod views;

use std::sync::Arc;

use capture::{Erase, Segments};
use cycle::{LessonRequests, LessonStatus};
use fingerprint::Finder;
use ledger::Ledger;
use serde::Serialize;
use telemetry::Metrics;

pub use about::{
    About, FunnelStep, GeneratedRun, QuotaView, SettingView, TeacherChecked, TeacherFacts, TeacherFinding,
    TeacherResponse,
};
pub use auth::{Token, with_own_host};
pub use found::FoundAction;
pub use labels::LabelForm;
pub use problem::Problem;
pub use routes::router;
pub use search::{ALL_READ, CaptureSearch, CapturesFound, FOUND_MAX, search};
pub use traffic::{PriceView, SavedView, TrafficView};
pub use versions::{VersionResponse, VersionRole};
pub use views::SiteResponse;

/// What the admin API works with.
#[derive(Clone)]
pub struct Admin {
    pub ledger: Arc<Ledger>,
    pub lessons: LessonStatus,
    pub requests: LessonRequests,
    /// Whether lessons are held at all.
    pub learning: bool,
    pub metrics: Arc<Metrics>,
    /// Absent when nothing is captured.
    pub captures: Option<Arc<Segments>>,
    /// Erases from the exchange log and from all that was made of it; says in JSON what was found.
    pub erase: Arc<Erasing>,
    /// Absent when no student is enabled.
    pub student: Option<StudentFacts>,
    /// Call sites that no client names.
    pub finder: Arc<Finder>,
    /// Puts a change of them into force and on disk. Blocking.
    pub settle: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Reads the configuration again, all or nothing; absent where the program was started without a file. Blocking.
    pub reload: Option<Arc<Reloading>>,
    /// What does not change while the program runs.
    pub about: Arc<About>,
    pub token: Token,
    /// Names by which the listener may be reached.
    pub hosts: net::OwnHosts,
    /// Unix time in milliseconds.
    pub clock: fn() -> u64,
}

/// Erases, or says in words why not. Blocking.
pub type Erasing = dyn Fn(&Erase) -> Result<serde_json::Value, String> + Send + Sync;

/// Reads the configuration again: says in JSON what has changed, or in words why nothing did.
pub type Reloading = dyn Fn() -> Result<serde_json::Value, String> + Send + Sync;

/// What the student is on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct StudentFacts {
    pub base: String,
    /// The number format of its graph, or the kind of server that answers.
    pub format: &'static str,
}

#[cfg(test)]
mod tests;
