//! The state that a call site's log replays to, and which switch is due.

use crate::Policy;
use crate::drift::Drift;
use crate::promotion::Promotion;
use crate::record::{Audit, Candidate, Cause, Record, State, Switch};
use crate::risk::RiskGate;

/// Everything known about one version on trial or serving.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub version: String,
    /// How many versions this site has tried, this one included: its share of the error budget.
    pub number: u32,
    pub promotion: Promotion,
    pub risk: RiskGate,
    pub drift: Drift,
    pub exam: f64,
    /// Index into the policy's canary steps.
    pub step: usize,
    /// Audits since the current state or step began.
    pub step_audits: u64,
}

/// A version that was promoted here on evidence, with the threshold it had; a rollback may name it.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    pub trial: Trial,
}

/// One call site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    pub state: State,
    pub trial: Option<Trial>,
    pub proven: Vec<Proven>,
    /// Candidates seen so far.
    pub candidates: u32,
    /// Why the state is what it is.
    pub last_switch: Option<Switch>,
    /// When drift last sent a serving student away: what the teacher said before is stale.
    pub stale_before_ms: Option<u64>,
    failures: u32,
}

/// What a person can tell a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Steer {
    Hold,
    /// Release a hold, or move on if the evidence suffices.
    Promote,
    /// Back to the teacher, or to a version that was proven here.
    Rollback {
        to: Option<String>,
    },
}

/// Why a person's wish was not followed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SteerError {
    #[error("the evidence does not allow it yet: {0}")]
    NoEvidence(String),
    #[error("version `{version}` was never proven at this site; proven versions: {proven}")]
    NotProven { version: String, proven: String },
}

impl Trial {
    fn new(candidate: &Candidate, number: u32) -> Self {
        Self {
            version: candidate.version.clone(),
            number,
            promotion: Promotion::default(),
            risk: RiskGate::new(&candidate.grid),
            drift: Drift::default(),
            exam: candidate.exam,
            step: 0,
            step_audits: 0,
        }
    }

    /// The proven confidence threshold.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.risk.threshold()
    }

    /// Lower confidence bound of the student's quality at this version's share of the error budget.
    #[must_use]
    pub fn lower_bound(&self, policy: &Policy) -> f64 {
        self.promotion.lower_bound(Policy::share_of(policy.promote_alpha, self.number))
    }

    fn observe(&mut self, audit: &Audit, policy: &Policy, serving: bool) {
        let bad = audit.quality < policy.bad_below;
        // An answer that its verifiers refuse is not good, whatever the comparison says.
        let quality = if audit.verified { audit.quality } else { 0.0 };
        self.promotion.observe(quality);
        let delta = Policy::share_of(policy.risk_delta, self.number);
        self.risk.observe(audit.confidence, audit.verified, bad, policy.risk_alpha, delta);
        if serving {
            self.drift.observe(quality, policy.quality_floor);
        }
        self.step_audits += 1;
    }
}

impl Site {
    /// Replays one record written at `at_ms` (Unix time).
    pub fn apply(&mut self, at_ms: u64, record: &Record, policy: &Policy) {
        match record {
            Record::Audit(audit) => {
                let serving = matches!(self.state, State::Canary | State::Student);
                if let Some(trial) = self.trial.as_mut().filter(|trial| trial.version == audit.version) {
                    trial.observe(audit, policy, serving);
                    self.failures = 0;
                }
            }
            Record::Candidate(candidate) => {
                self.candidates += 1;
                self.trial = Some(Trial::new(candidate, self.candidates));
            }
            Record::Failed { .. } => {}
            Record::Switch(switch) => self.switched(at_ms, switch),
        }
    }

    fn switched(&mut self, at_ms: u64, switch: &Switch) {
        let was_serving = matches!(self.state, State::Canary | State::Student);
        self.failures = 0;
        if switch.to == State::Student && self.state == State::Canary {
            self.proven.extend(self.trial.clone().map(|trial| Proven { trial }));
        }
        if switch.cause == Cause::Operator && switch.to == State::Student {
            let named = |proven: &&Proven| Some(&proven.trial.version) == switch.version.as_ref();
            self.trial = self.proven.iter().find(named).map(|proven| proven.trial.clone());
        }
        match switch.to {
            State::Teacher => {
                self.trial = None;
                if was_serving && switch.cause == Cause::Drift {
                    self.stale_before_ms = Some(at_ms);
                }
            }
            State::Held => {}
            State::Shadow | State::Canary | State::Student => {
                if let Some(trial) = &mut self.trial {
                    trial.step = switch.step;
                    trial.step_audits = 0;
                    if !was_serving {
                        trial.drift = Drift::default();
                    }
                }
            }
        }
        self.state = switch.to;
        self.last_switch = Some(switch.clone());
    }

    /// The switch that the evidence calls for now.
    #[must_use]
    pub fn due(&self, policy: &Policy) -> Option<Switch> {
        let trial = self.trial.as_ref()?;
        let serving = matches!(self.state, State::Canary | State::Student);
        if serving && trial.drift.log_statistic() >= policy.drift_audits.ln() {
            return Some(self.switch(State::Teacher, Cause::Drift, 0, policy));
        }
        match self.state {
            State::Teacher => Some(self.switch(State::Shadow, Cause::Candidate, 0, policy)),
            State::Shadow if self.missing(policy).is_empty() => Some(self.next_step(0, policy)),
            State::Canary => {
                let needed = policy.canary.get(trial.step).map_or(0, |step| step.audits);
                (trial.step_audits >= needed).then(|| self.next_step(trial.step + 1, policy))
            }
            State::Shadow | State::Student | State::Held => None,
        }
    }

    fn next_step(&self, step: usize, policy: &Policy) -> Switch {
        let to = if step < policy.canary.len() { State::Canary } else { State::Student };
        self.switch(to, Cause::Evidence, step, policy)
    }

    /// What keeps a version in Shadow, in words; empty when it may move on.
    #[must_use]
    pub fn missing(&self, policy: &Policy) -> Vec<String> {
        let Some(trial) = &self.trial else { return vec!["no version has passed its exam yet".into()] };
        let mut missing = Vec::new();
        let bound = trial.lower_bound(policy);
        if bound < policy.quality_min {
            missing.push(format!("lower bound {bound:.3} is below {:.3}", policy.quality_min));
        }
        match trial.threshold() {
            None => missing.push(format!("no confidence threshold is proven at risk {:.3}", policy.risk_alpha)),
            Some(_) if trial.risk.coverage() < policy.coverage_min => missing.push(format!(
                "the proven threshold covers {:.3} of the requests, below {:.3}",
                trial.risk.coverage(),
                policy.coverage_min
            )),
            Some(_) => {}
        }
        missing
    }

    /// Counts a failure of the student to answer at all; says when the site must go back.
    pub fn failed(&mut self, policy: &Policy) -> Option<Switch> {
        self.failures += 1;
        let serving = matches!(self.state, State::Canary | State::Student);
        (serving && self.failures >= policy.failures_max)
            .then(|| self.switch(State::Teacher, Cause::Failures, 0, policy))
    }

    /// The switch that a person asks for.
    ///
    /// # Errors
    /// [`SteerError`] when traffic would move to a student without recorded evidence.
    pub fn steer(&self, steer: &Steer, reason: Option<String>, policy: &Policy) -> Result<Switch, SteerError> {
        let operator = |to| Switch { reason: reason.clone(), ..self.switch(to, Cause::Operator, 0, policy) };
        match steer {
            Steer::Hold | Steer::Rollback { to: None } => Ok(operator(State::Held)),
            Steer::Rollback { to: Some(version) } => {
                if !self.proven.iter().any(|proven| &proven.trial.version == version) {
                    let proven: Vec<&str> = self.proven.iter().map(|proven| proven.trial.version.as_str()).collect();
                    return Err(SteerError::NotProven { version: version.clone(), proven: proven.join(", ") });
                }
                Ok(Switch { version: Some(version.clone()), ..operator(State::Student) })
            }
            Steer::Promote => match (self.state, &self.trial) {
                (State::Held, Some(_)) => Ok(operator(State::Shadow)),
                (State::Held, None) => Ok(operator(State::Teacher)),
                _ => self
                    .due(policy)
                    .map(|due| Switch { reason: reason.clone(), ..due })
                    .ok_or_else(|| SteerError::NoEvidence(self.missing(policy).join("; "))),
            },
        }
    }

    fn switch(&self, to: State, cause: Cause, step: usize, policy: &Policy) -> Switch {
        let trial = self.trial.as_ref();
        Switch {
            from: self.state,
            to,
            cause,
            version: trial.map(|trial| trial.version.clone()),
            step,
            lower_bound: trial.map(|trial| trial.lower_bound(policy)),
            threshold: trial.and_then(Trial::threshold),
            audits: trial.map_or(0, |trial| trial.promotion.audits()),
            reason: None,
        }
    }
}
