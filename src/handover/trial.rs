//! One version's trial: its evidence, judged by the policy that was recorded with it and by no other.

use std::sync::Arc;

use callsite::VersionId;
use serde::{Deserialize, Serialize};
use verify::Reliability;

use crate::Policy;
use crate::drift::Drift;
use crate::gate::{Claims, Gate, Proven, Seen};
use crate::memory::{Memory, Novelty};
use crate::policy::{CanaryStep, Ratings, Risk};
use crate::record::{Audit, AuditOutcome, Candidate, Rating};

/// Coverage has been lost when it has fallen below this part of what was proven.
const COVERAGE_KEPT: f64 = 0.75;
/// The detector is in doubt from this root of its alarm on: for A = 10,000 from a statistic of 100.
const DOUBT_ROOT: f64 = 2.0;
/// Of so many audits of prompts that are known one is shown to the drift detector.
const REPEATS_PER_LOOK: u64 = 8;

/// Everything known about one version on trial or serving.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    pub candidate: Arc<Candidate>,
    /// How many trials this site has begun, this one included: its share of the error budget.
    pub number: u32,
    pub gate: Gate,
    /// The threshold in force: what the gate had proven after the last audit.
    pub proven: Option<Proven>,
    /// Watches the quality of served answers.
    pub drift: Drift,
    /// Watches the share of requests that the threshold covers, against what was proven; it only tells.
    pub coverage_drift: Drift,
    /// The coverage when the version began to serve.
    pub coverage_proven: Option<f64>,
    /// Confidence against correctness.
    pub reliability: Reliability,
    memory: Memory,
    /// Audits of a prompt that was evidence already, and of near-duplicates.
    pub repeats: u64,
    pub near_duplicates: u64,
    /// Served answers that a person rated.
    pub rated_good: u64,
    pub rated_bad: u64,
    /// Index into the policy's canary steps, their number when fully serving; `None` in Shadow.
    pub step: Option<usize>,
    /// Answers compared since the current step began, when it began (Unix time), and who asked.
    pub step_audits: u64,
    pub step_since_ms: u64,
    step_users: Vec<u32>,
    /// Whether clients ever got its answers.
    pub served: bool,
    /// Whether it has reached Student on its evidence, and nothing has undone that: a rollback may name it.
    pub reached_student: bool,
}

impl Trial {
    pub(crate) fn new(candidate: Candidate, number: u32) -> Self {
        Self {
            gate: Gate::new(&candidate.grid, candidate.likely),
            candidate: Arc::new(candidate),
            number,
            proven: None,
            drift: Drift::default(),
            coverage_drift: Drift::default(),
            coverage_proven: None,
            reliability: Reliability::default(),
            memory: Memory::default(),
            repeats: 0,
            near_duplicates: 0,
            rated_good: 0,
            rated_bad: 0,
            step: None,
            step_audits: 0,
            step_since_ms: 0,
            step_users: Vec::new(),
            served: false,
            reached_student: false,
        }
    }

    #[must_use]
    pub fn version(&self) -> &VersionId {
        &self.candidate.version
    }

    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.candidate.policy
    }

    /// Audited requests that were evidence.
    #[must_use]
    pub fn audits(&self) -> u64 {
        self.gate.audits()
    }

    /// Mean quality that the served answers must exceed, by the trial's measure.
    #[must_use]
    pub fn quality_needed(&self) -> f64 {
        let quality_min = self.policy().quality_min;
        self.candidate.measure.as_ref().map_or(quality_min, |measure| measure.null_mean(quality_min))
    }

    /// Mean quality below which the served answers have drifted.
    #[must_use]
    pub fn quality_floor(&self) -> f64 {
        let policy = self.policy();
        (self.quality_needed() - (policy.quality_min - policy.quality_floor)).max(0.01)
    }

    /// What is asked of a threshold, at this trial's share of the error budgets.
    #[must_use]
    pub fn claims(&self) -> Claims {
        let policy = self.policy();
        // A judge sees only part of what is bad: what it sees must be rarer in that proportion.
        let seen = self.candidate.measure.as_ref().map_or(1.0, |measure| measure.sensitivity());
        Claims {
            quality: self.quality_needed(),
            quality_alpha: Policy::share_of(policy.promote_alpha, self.number),
            risk: policy.risk_alpha * seen,
            risk_delta: Policy::share_of(policy.risk_delta, self.number),
            selective: policy.risk == Risk::Selective,
            betting: policy.betting,
        }
    }

    /// The proven confidence threshold.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.proven.map(|proven| proven.tau)
    }

    /// Share of the audited requests that the proven threshold covers; 0 where none is proven.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.proven.map_or(0.0, |proven| self.gate.coverage(proven.level))
    }

    /// Mean and confidence interval of the quality of the answers that would be served, by the proven threshold or
    /// before one is proven by the likeliest: what dashboards show.
    #[must_use]
    pub fn shown_quality(&self) -> Option<(f64, (f64, f64))> {
        let claims = self.claims();
        let (level, share) = self.gate.shown(&claims)?;
        let served = self.gate.served(level);
        let (_, upper) = served.interval(claims.quality_alpha * share);
        Some((served.mean()?, (served.lower_bound(claims.quality_alpha * share), upper)))
    }

    /// Evidence for the quality of the answers that would be served: log of the capital, and what it must reach.
    #[must_use]
    pub fn evidence(&self) -> Option<(f64, f64)> {
        let claims = self.claims();
        let (level, share) = self.gate.shown(&claims)?;
        Some(self.gate.quality_evidence(level, share, &claims))
    }

    /// Lower confidence bound of the quality of the served answers at this trial's share of the error budget.
    #[must_use]
    pub fn lower_bound(&self) -> f64 {
        self.shown_quality().map_or(0.0, |(_, (lower, _))| lower)
    }

    /// Share of the requests that the current canary step offers to this version; `None` in Shadow.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let step = self.step?;
        Some(self.policy().canary.get(step).map_or(1.0, |step| step.share))
    }

    fn canary_step(&self) -> Option<&CanaryStep> {
        self.policy().canary.get(self.step?)
    }

    /// Compared answers that the current canary step still waits for; 0 outside the canary.
    #[must_use]
    pub fn step_audits_left(&self) -> u64 {
        self.canary_step().map_or(0, |step| step.audits.saturating_sub(self.step_audits))
    }

    /// What the current canary step waits for at `now_ms`, in words; empty when the next may begin.
    #[must_use]
    pub fn step_missing(&self, now_ms: u64) -> Vec<String> {
        let Some(step) = self.canary_step() else { return Vec::new() };
        let users = u32::try_from(self.step_users.len()).unwrap_or(u32::MAX);
        #[expect(clippy::cast_precision_loss, reason = "minutes")]
        let minutes = step.minutes - now_ms.saturating_sub(self.step_since_ms) as f64 / 60_000.0;
        let audits = self.step_audits_left();
        [
            (audits > 0).then(|| format!("{audits} more audits")),
            (minutes > 0.0).then(|| format!("{minutes:.1} more minutes")),
            (users < step.users).then(|| format!("{} more users", step.users - users)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether a person must open the way to the next step.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        let next = self.step.map_or(0, |step| step + 1);
        self.policy().canary.get(next).is_some_and(|step| step.gate)
    }

    /// Whether the drift detector has fired.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        self.drift.log_statistic() >= self.policy().drift_audits.ln()
    }

    /// Whether it is near enough to firing that more should be audited.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.step.is_some() && self.drift.log_statistic() >= self.policy().drift_audits.ln() / DOUBT_ROOT
    }

    /// Whether the threshold covers clearly fewer requests than it did when it was proven.
    #[must_use]
    pub fn has_lost_coverage(&self) -> bool {
        self.coverage_drift.log_statistic() >= self.policy().drift_audits.ln()
    }

    /// Whether nothing keeps the version in Shadow: [`missing`](Self::missing) without its words, which cost a hundred
    /// times as much.
    #[must_use]
    pub fn may_serve(&self) -> bool {
        let covers = self.proven.is_some() && self.coverage() >= self.policy().coverage_min;
        self.candidate.measure.is_some() && !self.has_drifted() && covers
    }

    /// What keeps the version in Shadow, in words; empty when it may move on.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        if self.candidate.measure.is_none() {
            return vec!["the measure is not chosen yet: it waits for repeated answers of the teacher".into()];
        }
        let (policy, claims) = (self.policy(), self.claims());
        if self.has_drifted() {
            return vec!["the quality of the answers that would be served has fallen since it was proven".into()];
        }
        if self.proven.is_some() {
            let coverage = self.coverage();
            let enough = coverage >= policy.coverage_min;
            let text = || {
                format!("the proven threshold covers {coverage:.3} of the requests, below {:.3}", policy.coverage_min)
            };
            return if enough { Vec::new() } else { vec![text()] };
        }
        let mut missing = Vec::new();
        if let Some((level, share)) = self.gate.shown(&claims) {
            let (capital, needed) = self.gate.quality_evidence(level, share, &claims);
            if capital < needed {
                let (bound, quality) = (self.lower_bound(), claims.quality);
                missing.push(format!("lower bound {bound:.3} of the served answers' quality is below {quality:.3}"));
            }
            // What the bound is of: it cannot grow where few answers are sure enough to be served.
            let (covered, least) = (self.gate.coverage(level), policy.coverage_min);
            if self.audits() > 0 && covered < least {
                missing.push(format!(
                    "{covered:.3} of its answers are sure enough for that threshold, {least:.3} must be"
                ));
            }
        }
        if !self.gate.has_any_risk(&claims) {
            missing.push(format!("no confidence threshold is proven at risk {:.3}", policy.risk_alpha));
        } else if missing.is_empty() {
            missing.push("no confidence threshold is proven for risk and quality together".into());
        }
        missing
    }

    /// Moves to a canary step at `at_ms`, or back to Shadow with `None`. The detectors begin anew with the first step; that
    /// of quality watches from the proof on, so what was proven and has turned bad is not served.
    pub(crate) fn enter(&mut self, step: Option<usize>, at_ms: u64) {
        if self.step.is_none() != step.is_none() {
            (self.drift, self.coverage_drift) = (Drift::default(), Drift::default());
            self.coverage_proven = step.map(|_| self.coverage());
        }
        self.step = step;
        self.served |= step.is_some();
        (self.step_audits, self.step_since_ms) = (0, at_ms);
        self.step_users.clear();
    }

    pub(crate) fn observe(&mut self, audit: &Audit) {
        // Answers that were compared before the measure was frozen are no evidence.
        if self.candidate.measure.is_none() {
            return;
        }
        match self.memory.meet(audit.prompt, audit.near) {
            Novelty::New => {}
            Novelty::Repeat => {
                self.repeats += 1;
                return self.watch_repeat(audit);
            }
            Novelty::NearDuplicate => return self.near_duplicates += 1,
        }
        let claims = self.claims();
        if let AuditOutcome::Compared { quality, bad, confidence, verified, .. } = audit.outcome {
            self.reliability.observe(confidence, !bad);
            self.watch(quality, verified.then_some(confidence));
            // An answer that its verifiers refuse is not good, whatever the comparison says, and is never served.
            let quality = if verified { quality } else { 0.0 };
            self.gate.observe(Seen { confidence: verified.then_some(confidence), quality, bad }, &claims);
            self.step_audits += 1;
            self.remember(audit.user);
        } else {
            // Not good, and not servable: nothing bad reached a client. No answer says nothing about drift.
            self.gate.observe(Seen { confidence: None, quality: 0.0, bad: false }, &claims);
        }
        self.proven = self.gate.proven(&claims).or(self.proven);
    }

    /// Counts what a person says of a served answer, and learns from it what the policy allows.
    pub(crate) fn rated(&mut self, rating: &Rating) {
        let Rating { good, confidence, .. } = *rating;
        *(if good { &mut self.rated_good } else { &mut self.rated_bad }) += 1;
        // A good one proves nothing: people choose what they rate, and where it was audited it was evidence already. A bad
        // one can only lower what is proven, so the promises hold however it was chosen.
        if good || self.policy().ratings == Ratings::Ignored || self.candidate.measure.is_none() {
            return;
        }
        let claims = self.claims();
        // What was served lay above the threshold.
        let confidence = confidence.or_else(|| self.threshold());
        // Only what was served is rated: of the coverage that says nothing.
        self.watch_quality(0.0, confidence);
        self.gate.observe(Seen { confidence, quality: 0.0, bad: true }, &claims);
        self.proven = self.gate.proven(&claims).or(self.proven);
    }

    /// A site with few prompts would never be watched again once all of them are known: every so many repeats one is
    /// shown to the detectors, and to them alone.
    fn watch_repeat(&mut self, audit: &Audit) {
        if let AuditOutcome::Compared { quality, confidence, verified, .. } = audit.outcome
            && self.repeats.is_multiple_of(REPEATS_PER_LOOK)
        {
            self.watch(quality, verified.then_some(confidence));
        }
    }

    /// Shows the detectors an answer that is, or is not, above the threshold in force.
    fn watch(&mut self, quality: f64, confidence: Option<f64>) {
        let Some(proven) = self.proven else { return };
        let served = confidence.is_some_and(|confidence| confidence >= proven.tau);
        self.watch_quality(quality, confidence);
        if let Some(covered) = self.coverage_proven {
            self.coverage_drift.observe(f64::from(u8::from(served)), covered * COVERAGE_KEPT);
        }
    }

    fn watch_quality(&mut self, quality: f64, confidence: Option<f64>) {
        let served = self.threshold().zip(confidence).is_some_and(|(tau, confidence)| confidence >= tau);
        if served {
            self.drift.observe(quality, self.quality_floor());
        }
    }

    fn remember(&mut self, user: Option<u32>) {
        let wanted = self.canary_step().map_or(0, |step| step.users);
        let known = u32::try_from(self.step_users.len()).unwrap_or(u32::MAX);
        if let Some(user) = user.filter(|user| known < wanted && !self.step_users.contains(user)) {
            self.step_users.push(user);
        }
    }

    /// What is kept of a trial that another has followed: its proof, without the prompts that it has met.
    pub(crate) fn without_memory(mut self) -> Self {
        self.memory = Memory::default();
        self
    }

    /// Bytes that it holds, its candidate left out, for who counts the memory of many sites.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>() - size_of::<Gate>() + self.gate.bytes() + self.memory.bytes()
    }
}
