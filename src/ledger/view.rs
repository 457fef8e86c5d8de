//! How a call site stands, as the admin API, the command line and the metrics show it.

use callsite::{SiteId, VersionId};
use handover::{Policy, State, Switch, Trial};
use rules::SiteRules;
use serde::Serialize;
use telemetry::Metrics;
use verify::{Choice, Reliability};

use crate::table::SeenSite;

/// A snapshot of one call site.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteView {
    pub site: SiteId,
    pub state: State,
    pub version: Option<VersionId>,
    /// What its answers are measured by and why; `None` until the teacher was asked twice often enough.
    pub measure: Option<Choice>,
    /// Repeated requests of the teacher that the choice stands on, or has so far.
    pub teacher_repeats: usize,
    /// Audited requests of the version on trial or serving that were evidence.
    pub audits: u64,
    /// Audits of prompts that were evidence already, and of near-duplicates.
    pub repeated_audits: u64,
    pub near_duplicate_audits: u64,
    /// Its served answers that a person rated.
    pub rated_good: u64,
    pub rated_bad: u64,
    /// Mean quality of the answers that are, or would be, served.
    pub quality: Option<f64>,
    /// The same of all its answers: shown, not required.
    pub raw_quality: Option<f64>,
    pub lower_bound: Option<f64>,
    pub upper_bound: Option<f64>,
    /// What the lower bound must reach, by the site's measure.
    pub quality_min: f64,
    /// ln of the capital that was won against "the served answers are not good enough", and what it must reach.
    pub log_e_value: Option<f64>,
    pub log_e_needed: Option<f64>,
    /// The proven confidence threshold.
    pub confidence_threshold: Option<f64>,
    /// Share of audited requests that the threshold covers.
    pub coverage: f64,
    /// The threshold covers clearly fewer requests than when it was proven.
    pub coverage_lost: bool,
    /// Confidence against correctness of its audited answers.
    pub reliability: Option<Reliability>,
    /// Nothing moves forward until a person resumes it.
    pub paused: bool,
    /// A person's cap of the share.
    pub share_max: Option<f64>,
    /// Share of the requests offered to a student, the challenger's included.
    pub student_share: f64,
    /// ln of the drift detector's statistic; it fires at `drift_alarm`.
    pub drift: Option<f64>,
    pub drift_alarm: f64,
    /// The same of attempts without an answer, and of slow answers; of this process's life only.
    pub error_budget: Option<f64>,
    pub latency_budget: Option<f64>,
    /// The policy that the version's evidence is held to: the one recorded with it, or today's where there is none.
    pub policy: Policy,
    /// The canary step that the site stands on.
    pub canary_step: Option<StepView>,
    /// The version that wants the incumbent's place.
    pub challenger: Option<ChallengerView>,
    /// Trials begun: each has a smaller share of the error budget than the one before.
    pub candidates: u32,
    /// What keeps the site from moving on.
    pub blocked_by: Vec<String>,
    /// Versions that a rollback may name.
    pub proven_versions: Vec<VersionId>,
    /// Versions that are never served again.
    pub discarded_versions: Vec<VersionId>,
    pub last_switch: Option<Switch>,
    /// What the teacher said before this moment (Unix time) is stale: drift was found then. Never in the future of
    /// the ledger's last `flush`.
    pub stale_before_ms: Option<u64>,
    /// False while the log cannot be opened or written: the teacher answers, whatever the state says.
    pub log_available: bool,
}

/// A version beside the incumbent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChallengerView {
    pub version: VersionId,
    /// Shadow or Canary.
    pub state: State,
    pub audits: u64,
    pub quality: Option<f64>,
    pub lower_bound: f64,
    pub confidence_threshold: Option<f64>,
    pub coverage: f64,
    /// Share of the requests offered to it.
    pub share: f64,
    pub policy: Policy,
    pub canary_step: Option<StepView>,
}

/// Where in its canary a version stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepView {
    /// From 1.
    pub step: usize,
    pub steps: usize,
    pub share: f64,
    /// Compared answers until the next step.
    pub audits_left: u64,
}

impl StepView {
    fn of(trial: &Trial) -> Option<Self> {
        let (at, steps) = (trial.step?, &trial.policy().canary);
        let step = steps.get(at)?;
        Some(Self { step: at + 1, steps: steps.len(), share: step.share, audits_left: trial.step_audits_left() })
    }
}

impl ChallengerView {
    fn of(trial: &Trial) -> Self {
        Self {
            version: trial.version().clone(),
            state: if trial.step.is_some() { State::Canary } else { State::Shadow },
            audits: trial.audits(),
            quality: trial.shown_quality().map(|(mean, _)| mean),
            lower_bound: trial.lower_bound(),
            confidence_threshold: trial.threshold(),
            coverage: trial.coverage(),
            share: trial.share().unwrap_or(0.0),
            policy: trial.policy().clone(),
            canary_step: StepView::of(trial),
        }
    }
}

impl SiteView {
    pub(crate) fn of(name: &SiteId, seen: &SeenSite, rules: &SiteRules, log_available: bool) -> Self {
        let (site, today) = (&seen.site, &rules.policy);
        let trial = site.incumbent.as_ref();
        let policy = trial.map_or(today, Trial::policy);
        let serving = trial.filter(|_| site.state.is_serving() && log_available);
        let quality = trial.and_then(Trial::shown_quality);
        let evidence = trial.and_then(Trial::evidence);
        let cap = today.share_max.min(site.share_max.unwrap_or(1.0));
        let unwell = trial.and_then(|trial| seen.health.missing(trial.version(), today));
        let budgets = trial.and_then(|trial| seen.health.log_statistics(trial.version()));
        Self {
            site: name.clone(),
            state: site.state,
            version: trial.map(|trial| trial.version().clone()),
            measure: site.measuring.choice.clone(),
            teacher_repeats: site.measuring.repeats.len(),
            audits: trial.map_or(0, Trial::audits),
            repeated_audits: trial.map_or(0, |trial| trial.repeats),
            near_duplicate_audits: trial.map_or(0, |trial| trial.near_duplicates),
            rated_good: trial.map_or(0, |trial| trial.rated_good),
            rated_bad: trial.map_or(0, |trial| trial.rated_bad),
            quality: quality.map(|(mean, _)| mean),
            raw_quality: trial.and_then(|trial| trial.gate.raw().mean()),
            lower_bound: trial.map(|_| quality.map_or(0.0, |(_, (lower, _))| lower)),
            upper_bound: quality.map(|(_, (_, upper))| upper),
            quality_min: trial.map_or(policy.quality_min, Trial::quality_needed),
            log_e_value: evidence.map(|(capital, _)| capital),
            log_e_needed: evidence.map(|(_, needed)| needed),
            confidence_threshold: trial.and_then(Trial::threshold),
            coverage: trial.map_or(0.0, Trial::coverage),
            coverage_lost: trial.is_some_and(Trial::has_lost_coverage),
            reliability: trial.map(|trial| trial.reliability.clone()),
            paused: site.paused,
            share_max: site.share_max,
            student_share: serving.and_then(Trial::share).unwrap_or(0.0).min(cap),
            drift: trial.map(|trial| trial.drift.log_statistic()).filter(|value| value.is_finite()),
            error_budget: budgets.map(|(errors, _)| errors).filter(|value| value.is_finite()),
            latency_budget: budgets.map(|(_, slow)| slow).filter(|value| value.is_finite()),
            drift_alarm: policy.drift_audits.ln(),
            policy: policy.clone(),
            canary_step: trial.filter(|_| site.state == State::Canary).and_then(StepView::of),
            challenger: site.challenger.as_ref().map(ChallengerView::of),
            candidates: site.trials,
            blocked_by: site.missing(seen.now_ms, today).into_iter().chain(unwell).collect(),
            proven_versions: site.proven.iter().map(|proven| proven.version().clone()).collect(),
            discarded_versions: site.discarded.clone(),
            last_switch: site.last_switch.clone(),
            stale_before_ms: seen.stale_before_ms,
            log_available,
        }
    }

    pub(crate) fn publish(&self, metrics: &Metrics) {
        let site = self.site.as_str();
        for state in State::ALL {
            metrics.site_state(site, state.label()).set(f64::from(u8::from(state == self.state)));
        }
        metrics.student_share(site).set(self.student_share);
        metrics.site_paused(site).set(f64::from(u8::from(self.paused)));
        if let Some(choice) = &self.measure {
            metrics.measure_info(site, choice.measure.label()).set(1.0);
        }
        metrics.raw_quality(site).set_or_remove(self.raw_quality);
        metrics.log_e_value(site).set_or_remove(self.log_e_value);
        metrics.log_e_threshold(site).set_or_remove(self.log_e_needed);
        metrics.coverage(site).set_or_remove(self.confidence_threshold.map(|_| self.coverage));
        metrics.coverage_lost(site).set(f64::from(u8::from(self.coverage_lost)));
        metrics.drift_log_statistic(site).set_or_remove(self.drift);
        metrics.drift_log_threshold(site).set(self.drift_alarm);
        metrics.budget_log_statistic(site, "errors").set_or_remove(self.error_budget);
        metrics.budget_log_statistic(site, "latency").set_or_remove(self.latency_budget);
        let error = self.reliability.as_ref().and_then(Reliability::expected_calibration_error);
        metrics.calibration_error(site).set_or_remove(error);
        self.publish_evidence(metrics, site);
        metrics.quality_lower_bound(site).set_or_remove(self.lower_bound);
        metrics.quality_threshold(site).set(self.quality_min);
        metrics.confidence_threshold(site).set_or_remove(self.confidence_threshold);
    }

    #[expect(clippy::cast_precision_loss, reason = "audit counts stay far below 2^52")]
    fn publish_evidence(&self, metrics: &Metrics, site: &str) {
        metrics.evidence_audits(site).set(self.audits as f64);
        metrics.evidence_repeats(site, "repeat").set(self.repeated_audits as f64);
        metrics.evidence_repeats(site, "near_duplicate").set(self.near_duplicate_audits as f64);
    }

    /// The versions on trial or serving: those that requests and audits may ask.
    pub fn active(&self) -> impl Iterator<Item = &VersionId> {
        self.version.iter().chain(self.challenger.iter().map(|challenger| &challenger.version))
    }

    /// Whether the hand-over may still use `version`.
    #[must_use]
    pub fn names(&self, version: &VersionId) -> bool {
        self.active().chain(&self.proven_versions).any(|named| named == version)
    }

    /// Whether traffic was handed over to `version`, now or before.
    #[must_use]
    pub fn handed_over(&self, version: &VersionId) -> bool {
        self.proven_versions.contains(version) || (self.state.is_serving() && self.version.as_ref() == Some(version))
    }
}
