//! What the program is made of and how it is set: the teacher, the configuration, the runs that made training data.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use registry::Registry;
use serde::Serialize;
use teacher::{Breaker, Circuit, Prices};

use crate::Admin;
use crate::beside::beside;
use crate::problem::{Problem, unavailable};
use crate::traffic::PriceView;

/// Facts that do not change while the program runs, and where to look for those that do.
pub struct About {
    /// When the program began, Unix time.
    pub since_ms: u64,
    pub teacher: TeacherFacts,
    pub prices: Prices,
    pub registry: Registry,
    /// The configuration in force. Blocking.
    pub configuration: Box<dyn Fn() -> Result<Vec<SettingView>, String> + Send + Sync>,
    /// The runs of `apprentice generate` below the data folder, the newest first. Blocking.
    pub generated: Box<dyn Fn() -> Result<Vec<GeneratedRun>, String> + Send + Sync>,
}

/// The teacher as configured.
pub struct TeacherFacts {
    pub base_url: String,
    /// Whose key it is asked with, in words.
    pub key_source: String,
    /// `yes`, `no` or `unknown`: whether its answers may be learnt from.
    pub distillable: &'static str,
    pub breaker: Breaker,
}

/// The teacher, and how asking it went since the program began.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TeacherResponse {
    pub base_url: String,
    pub key: String,
    pub distillable: &'static str,
    /// `closed` (it is asked), `open` (several requests in a row got no answer) or `half-open` (one tries).
    pub circuit: &'static str,
    pub since_ms: u64,
    /// Chat requests that it did not answer well, by what was wrong; `rate_limited` is 429.
    pub errors: BTreeMap<String, f64>,
    /// Dollars paid, by purpose.
    pub spent_usd: BTreeMap<String, f64>,
    /// Models that were asked for, with what they cost where that is known.
    pub models: BTreeMap<String, Option<PriceView>>,
}

/// One key of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SettingView {
    pub key: String,
    /// As a file would say it; of a secret only whether it is set.
    pub value: String,
    /// `default`, `file`, or `environment` for a secret that a variable holds.
    pub source: &'static str,
    pub meaning: &'static str,
}

/// One run of a maker of training data.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GeneratedRun {
    /// Its folder, below the data folder.
    pub name: String,
    pub maker: String,
    pub ended_at_ms: u64,
    /// Why it stopped before its end.
    pub ended: Option<String>,
    pub spent_usd: f64,
    pub kept: u64,
    pub dropped: u64,
    pub funnel: Vec<FunnelStep>,
}

/// One step of a run's funnel.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FunnelStep {
    pub name: String,
    pub came: u64,
    pub left: u64,
    pub dropped: BTreeMap<String, u64>,
}

pub(crate) async fn teacher(State(admin): State<Admin>) -> Json<TeacherResponse> {
    Json(admin.teacher())
}

pub(crate) async fn configuration(State(admin): State<Admin>) -> Result<Json<Vec<SettingView>>, Problem> {
    admin.configuration().await.map(Json)
}

pub(crate) async fn generated(State(admin): State<Admin>) -> Result<Json<Vec<GeneratedRun>>, Problem> {
    admin.generated().await.map(Json)
}

impl Admin {
    /// The teacher, and how asking it went.
    #[must_use]
    pub fn teacher(&self) -> TeacherResponse {
        let About { teacher, since_ms, .. } = &*self.about;
        let sums = |metric: &str, label: &str| {
            let mut sums = self.metrics.sums(metric, label);
            sums.retain(|_, sum| *sum > 0.0);
            sums
        };
        let mut models = self.metrics.traffic().models();
        models.retain(|model| !model.is_empty());
        let now_ms = (self.clock)();
        TeacherResponse {
            base_url: teacher.base_url.clone(),
            key: teacher.key_source.clone(),
            distillable: teacher.distillable,
            circuit: match teacher.breaker.circuit() {
                Circuit::Closed => "closed",
                Circuit::Open => "open",
                Circuit::HalfOpen => "half-open",
            },
            since_ms: *since_ms,
            errors: sums("apprentice_teacher_errors_total", "error_type"),
            spent_usd: sums("apprentice_teacher_spent_usd", "purpose"),
            models: models.into_iter().map(|model| (model.clone(), self.price(&model, now_ms))).collect(),
        }
    }

    /// The configuration in force: every key, its value and where that came from.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub async fn configuration(&self) -> Result<Vec<SettingView>, Problem> {
        let about = self.about.clone();
        beside(move || (about.configuration)()).await?.map_err(unavailable)
    }

    /// The runs that made training data.
    ///
    /// # Errors
    /// When their folder cannot be listed.
    pub async fn generated(&self) -> Result<Vec<GeneratedRun>, Problem> {
        let about = self.about.clone();
        beside(move || (about.generated)()).await?.map_err(unavailable)
    }

    /// What the teacher charges for `model`, where that is known.
    pub(crate) fn price(&self, model: &str, now_ms: u64) -> Option<PriceView> {
        self.about.prices.of(model, now_ms).map(|price| PriceView {
            input_usd: price.input,
            output_usd: price.output,
            since: price.since.map(|day| day.to_string()),
        })
    }
}
