//! A call site driven as the ledger drives it: a record takes effect, then every switch that has become due. The one
//! place of this member that applies records.

use callsite::VersionId;
use handover::{
    Audit, AuditOutcome, Basis, Candidate, Cause, Health, Numbers, Policy, Record, Site, State, Switch, Trial,
};
use verify::Measure;

use crate::hash;

/// A site, the policy of today and what happened to it.
#[derive(Clone, Debug)]
pub(crate) struct Driven {
    pub(crate) site: Site,
    pub(crate) policy: Policy,
    /// Records so far: the time, in milliseconds.
    pub(crate) at_ms: u64,
    /// Audits so far, whether they were evidence or not.
    pub(crate) audits: u64,
    version: VersionId,
}

/// What is audited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) quality: f64,
    pub(crate) bad: bool,
    pub(crate) confidence: f64,
}

impl Answer {
    /// A right or a wrong answer of which the student is sure.
    pub(crate) fn sure(good: bool) -> Self {
        Self { quality: crate::chance::quality(good), bad: !good, confidence: 0.99 }
    }
}

/// A fixed list of thresholds and the one that the exam suggests.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) taus: Vec<f64>,
    pub(crate) likely: Option<f64>,
}

impl Grid {
    /// Three thresholds, the loosest suggested: a student whose confidence says nothing.
    pub(crate) fn few() -> Self {
        Self { taus: vec![0.9, 0.5, 0.0], likely: Some(0.0) }
    }

    /// 40 thresholds evenly over [0, 1).
    pub(crate) fn even() -> Self {
        Self { taus: (0u8..40).map(|step| f64::from(step) / 40.0).collect(), likely: Some(0.0) }
    }
}

impl Driven {
    /// A site on which one version has passed its exam.
    pub(crate) fn new(policy: &Policy, grid: &Grid, measure: &Measure) -> Self {
        let mut driven = Self {
            site: Site::default(),
            policy: policy.clone(),
            at_ms: 0,
            audits: 0,
            version: VersionId::numbered(1),
        };
        driven.candidate(1, grid, measure);
        driven
    }

    /// A site on which a version whose confidence says nothing is compared exactly.
    pub(crate) fn plain(policy: &Policy) -> Self {
        Self::new(policy, &Grid::few(), &Measure::Exact)
    }

    /// Another version passes its exam.
    pub(crate) fn candidate(&mut self, number: u32, grid: &Grid, measure: &Measure) {
        self.version = VersionId::numbered(number);
        let candidate = Candidate {
            version: self.version.clone(),
            grid: grid.taus.clone(),
            likely: grid.likely,
            exam: 1.0,
            measure: Some(measure.clone()),
            calibration: None,
            policy: self.policy.clone(),
            basis: Basis::default(),
        };
        self.write(&Record::Candidate(candidate));
    }

    /// An audit of a prompt that was never asked before.
    pub(crate) fn audit(&mut self, answer: Answer) {
        let key = hash::number(self.audits);
        self.audit_of(key, key, answer);
    }

    /// An audit of the prompt with these keys.
    pub(crate) fn audit_of(&mut self, prompt: u64, near: u64, answer: Answer) {
        self.audits += 1;
        let record = Record::Audit(self.record_of(prompt, near, answer));
        self.write(&record);
    }

    pub(crate) fn record_of(&self, prompt: u64, near: u64, answer: Answer) -> Audit {
        let Answer { quality, bad, confidence } = answer;
        let numbers = Numbers::default();
        Audit {
            request: String::new(),
            version: self.version.clone(),
            served: false,
            prompt,
            near,
            user: None,
            outcome: AuditOutcome::Compared { quality, bad, confidence, verified: true, numbers },
        }
    }

    /// Applies a record and what follows from it.
    pub(crate) fn write(&mut self, record: &Record) {
        self.at_ms += 1;
        self.site.apply(self.at_ms, record);
        settle(&mut self.site, self.at_ms, &self.policy, |_| {});
    }

    pub(crate) fn trial(&self) -> Option<&Trial> {
        self.site.incumbent.as_ref()
    }

    /// Whether clients may have got answers of the version on trial.
    pub(crate) fn is_serving(&self) -> bool {
        self.site.state.is_serving()
    }

    /// Audits until `state` is reached, `None` when it is not within `limit`.
    pub(crate) fn until(&mut self, state: State, limit: u64, mut answer: impl FnMut() -> Answer) -> Option<u64> {
        (1..=limit).find(|_| {
            self.audit(answer());
            self.site.state == state
        })
    }

    /// Whether the last switch was for drift.
    pub(crate) fn has_drifted(&self) -> bool {
        self.site.last_switch.as_ref().is_some_and(|switch| switch.cause == Cause::Drift)
    }
}

/// Makes every switch that is due at `at_ms`, as the ledger's `settle`.
pub(crate) fn settle(site: &mut Site, at_ms: u64, policy: &Policy, mut made: impl FnMut(&Switch)) {
    while let Some(due) = due(site, at_ms, policy) {
        site.apply(at_ms, &Record::Switch(due.clone()));
        made(&due);
    }
}

/// [`Site::due`], not asked where it has nothing to say: without a challenger, Shadow is left with a proven threshold
/// only. To say what is missing costs more than all the rest of an audit.
pub(crate) fn due(site: &Site, at_ms: u64, policy: &Policy) -> Option<Switch> {
    let waits = site.state == State::Shadow
        && site.challenger.is_none()
        && site.incumbent.as_ref().is_some_and(|trial| trial.proven.is_none());
    if waits { None } else { site.due(at_ms, policy, &Health::default()) }
}
