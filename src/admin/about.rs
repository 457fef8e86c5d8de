//! What the program is made of and how it is set: the teacher, the configuration, the runs that made training data.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use registry::Registry;
use serde::Serialize;
use teacher::{Circuit, Endpoint, Limit, Prices};

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
    /// Asks the teacher for its models: those of the configuration, and these that clients asked for.
    pub check_teacher: Box<dyn Fn(Vec<String>) -> TeacherChecked + Send + Sync>,
}

/// What asking the teacher will find.
pub type TeacherChecked = Pin<Box<dyn Future<Output = Vec<TeacherFinding>> + Send>>;

/// The teacher as configured.
pub struct TeacherFacts {
    pub endpoint: Endpoint,
    /// Whose key it is asked with, in words.
    pub key_source: String,
    /// `yes`, `no` or `unknown`: whether its answers may be learnt from.
    pub distillable: &'static str,
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
    /// What the last answer said of its rate limits, where one did.
    pub quota: Option<QuotaView>,
    /// Chat requests that it did not answer well, by what was wrong; `rate_limited` is 429.
    pub errors: BTreeMap<String, f64>,
    /// Dollars paid, by purpose.
    pub spent_usd: BTreeMap<String, f64>,
    /// Models that were asked for, with what they cost where that is known.
    pub models: BTreeMap<String, Option<PriceView>>,
}

/// How much the teacher still lets be asked, by its own count.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuotaView {
    pub requests: Option<Limit>,
    pub tokens: Option<Limit>,
    /// How long ago that was said.
    pub age_s: u64,
}

/// One thing that was found when the teacher was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TeacherFinding {
    pub name: &'static str,
    /// `ok`, `warn` or `fail`.
    pub state: &'static str,
    pub said: String,
    /// Empty where nothing is to be done.
    pub todo: String,
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

pub(crate) async fn check_teacher(State(admin): State<Admin>) -> Json<Vec<TeacherFinding>> {
    Json(admin.check_teacher().await)
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
        let quota = teacher.endpoint.quota().get().map(|quota| QuotaView {
            requests: quota.requests,
            tokens: quota.tokens,
            age_s: Instant::now().saturating_duration_since(quota.at).as_secs(),
        });
        let models = self.models_asked_for();
        let now_ms = (self.clock)();
        TeacherResponse {
            base_url: teacher.endpoint.base_url(),
            key: teacher.key_source.clone(),
            distillable: teacher.distillable,
            circuit: match teacher.endpoint.breaker().circuit() {
                Circuit::Closed => "closed",
                Circuit::Open => "open",
                Circuit::HalfOpen => "half-open",
            },
            since_ms: *since_ms,
            quota,
            errors: sums("apprentice_teacher_errors_total", "error_type"),
            spent_usd: sums("apprentice_teacher_spent_usd", "purpose"),
            models: models.into_iter().map(|model| (model.clone(), self.price(&model, now_ms))).collect(),
        }
    }

    /// Asks the teacher for its models: whether it is there, takes the key, has what is asked for, and until when.
    pub async fn check_teacher(&self) -> Vec<TeacherFinding> {
        (self.about.check_teacher)(self.models_asked_for()).await
    }

    fn models_asked_for(&self) -> Vec<String> {
        self.metrics.traffic().models().into_iter().filter(|model| !model.is_empty()).collect()
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
