//! How a call site stands, as the admin API, the command line and the metrics show it.

use handover::{Policy, Site, State, Switch};
use serde::Serialize;
use telemetry::Metrics;

/// A snapshot of one call site.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteView {
    pub site: String,
    pub state: State,
    pub version: Option<String>,
    /// Audits of the version on trial or serving.
    pub audits: u64,
    pub quality: Option<f64>,
    pub lower_bound: Option<f64>,
    /// What the lower bound must reach.
    pub quality_min: f64,
    /// The proven confidence threshold.
    pub confidence_threshold: Option<f64>,
    /// Share of audited requests that the threshold covers.
    pub coverage: f64,
    /// Share of the requests offered to the student.
    pub student_share: f64,
    /// ln of the drift detector's statistic; it fires at `drift_alarm`.
    pub drift: Option<f64>,
    pub drift_alarm: f64,
    pub candidates: u32,
    /// What keeps the version from moving on.
    pub missing: Vec<String>,
    pub proven_versions: Vec<String>,
    pub last_switch: Option<Switch>,
    /// What the teacher said before this moment (Unix time) is stale: drift was found then.
    pub stale_before_ms: Option<u64>,
}

impl SiteView {
    pub(crate) fn of(name: &str, site: &Site, policy: &Policy) -> Self {
        let trial = site.trial.as_ref();
        let student_share = match (site.state, trial) {
            (State::Student, Some(_)) => 1.0,
            (State::Canary, Some(trial)) => policy.canary.get(trial.step).map_or(0.0, |step| step.share),
            _ => 0.0,
        };
        let missing = if site.state == State::Shadow { site.missing(policy) } else { Vec::new() };
        Self {
            site: name.to_owned(),
            state: site.state,
            version: trial.map(|trial| trial.version.clone()),
            audits: trial.map_or(0, |trial| trial.promotion.audits()),
            quality: trial.and_then(|trial| trial.promotion.mean()),
            lower_bound: trial.map(|trial| trial.lower_bound(policy)),
            quality_min: policy.quality_min,
            confidence_threshold: trial.and_then(handover::Trial::threshold),
            coverage: trial.map_or(0.0, |trial| trial.risk.coverage()),
            student_share,
            drift: trial.map(|trial| trial.drift.log_statistic()).filter(|value| value.is_finite()),
            drift_alarm: policy.drift_audits.ln(),
            candidates: site.candidates,
            missing,
            proven_versions: site.proven.iter().map(|proven| proven.trial.version.clone()).collect(),
            last_switch: site.last_switch.clone(),
            stale_before_ms: site.stale_before_ms,
        }
    }

    pub(crate) fn publish(&self, metrics: &Metrics) {
        let site = [self.site.as_str()];
        for state in [State::Teacher, State::Shadow, State::Canary, State::Student, State::Held] {
            let labels = [self.site.as_str(), state.label()];
            metrics.state.with_label_values(&labels).set(i64::from(state == self.state));
        }
        metrics.student_share.with_label_values(&site).set(self.student_share);
        metrics.lower_bound.with_label_values(&site).set(self.lower_bound.unwrap_or(0.0));
        metrics.quality_min.with_label_values(&site).set(self.quality_min);
        metrics.confidence_threshold.with_label_values(&site).set(self.confidence_threshold.unwrap_or(2.0));
        metrics.evidence.with_label_values(&site).set(i64::try_from(self.audits).unwrap_or(i64::MAX));
    }
}
