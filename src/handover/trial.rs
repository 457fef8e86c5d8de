//! One version's trial: its evidence, judged by the policy that was recorded with it and by no other.

use callsite::VersionId;
use serde::{Deserialize, Serialize};

use crate::Policy;
use crate::drift::Drift;
use crate::promotion::Promotion;
use crate::record::{Audit, AuditOutcome, Candidate};
use crate::risk::RiskGate;

/// Everything known about one version on trial or serving.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    pub candidate: Candidate,
    /// How many trials this site has begun, this one included: its share of the error budget.
    pub number: u32,
    pub promotion: Promotion,
    pub risk: RiskGate,
    pub drift: Drift,
    /// Index into the policy's canary steps, their number when fully serving; `None` in Shadow.
    pub step: Option<usize>,
    /// Answers compared since the current step began.
    pub step_audits: u64,
    /// Whether clients ever got its answers.
    pub served: bool,
}

impl Trial {
    pub(crate) fn new(candidate: Candidate, number: u32) -> Self {
        Self {
            risk: RiskGate::new(&candidate.grid),
            candidate,
            number,
            promotion: Promotion::default(),
            drift: Drift::default(),
            step: None,
            step_audits: 0,
            served: false,
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

    /// The proven confidence threshold.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.risk.threshold()
    }

    /// Lower confidence bound of the student's quality at this trial's share of the error budget.
    #[must_use]
    pub fn lower_bound(&self) -> f64 {
        self.promotion.lower_bound(Policy::share_of(self.policy().promote_alpha, self.number))
    }

    /// Share of the requests that the current canary step offers to this version; `None` in Shadow.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let step = self.step?;
        Some(self.policy().canary.get(step).map_or(1.0, |step| step.share))
    }

    /// Compared answers that the current canary step still waits for; 0 outside the canary.
    #[must_use]
    pub fn step_audits_left(&self) -> u64 {
        let needed = self.step.and_then(|step| self.policy().canary.get(step)).map_or(0, |step| step.audits);
        needed.saturating_sub(self.step_audits)
    }

    /// Whether the drift detector has fired.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        self.drift.log_statistic() >= self.policy().drift_audits.ln()
    }

    /// What keeps the version in Shadow, in words; empty when it may move on.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let (policy, bound) = (self.policy(), self.lower_bound());
        if bound < policy.quality_min {
            missing.push(format!("lower bound {bound:.3} is below {:.3}", policy.quality_min));
        }
        let coverage = self.risk.coverage();
        match self.threshold() {
            None => missing.push(format!("no confidence threshold is proven at risk {:.3}", policy.risk_alpha)),
            Some(_) if coverage < policy.coverage_min => missing.push(format!(
                "the proven threshold covers {coverage:.3} of the requests, below {:.3}",
                policy.coverage_min
            )),
            Some(_) => {}
        }
        missing
    }

    /// Moves to a canary step, or back to Shadow with `None`. The detector watches from the first step on.
    pub(crate) fn enter(&mut self, step: Option<usize>) {
        if self.step.is_none() || step.is_none() {
            self.drift = Drift::default();
        }
        self.step = step;
        self.served |= step.is_some();
        self.step_audits = 0;
    }

    pub(crate) fn observe(&mut self, audit: &Audit) {
        let policy = &self.candidate.policy;
        let delta = Policy::share_of(policy.risk_delta, self.number);
        let AuditOutcome::Compared { quality, confidence, verified } = audit.outcome else {
            // Not good, and not servable: nothing bad reached a client. No answer says nothing about drift.
            self.promotion.observe(0.0);
            self.risk.observe(0.0, false, true, policy.risk_alpha, delta);
            return;
        };
        let bad = quality < policy.bad_below;
        // An answer that its verifiers refuse is not good, whatever the comparison says.
        let good = if verified { quality } else { 0.0 };
        self.promotion.observe(good);
        self.risk.observe(confidence, verified, bad, policy.risk_alpha, delta);
        if self.step.is_some() {
            self.drift.observe(good, policy.quality_floor);
        }
        self.step_audits += 1;
    }
}
