//! What a policy would have made of recorded evidence. Reads the entries of a hand-over log as the admin API gives them;
//! the recorded switches of the evidence are made anew, what the world did (a changed basis, a damaged log, failures) stays.

use std::collections::BTreeMap;

use callsite::SiteId;
use handover::{Candidate, Cause, Policy, Record, Role, Site, State, Switch};
use serde::Deserialize;

use crate::SimulateError;
use crate::driven::settle;

/// One entry of a hand-over log.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Entry {
    pub seq: u64,
    /// Unix time.
    pub at_ms: u64,
    pub site: SiteId,
    #[serde(flatten)]
    pub record: Record,
}

/// A switch that the policy would have made, or that happened to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The entry after which it was due.
    pub seq: u64,
    pub at_ms: u64,
    pub switch: Switch,
}

/// One site's evidence under another policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    pub switches: Vec<Made>,
    /// How it stands after the last entry.
    pub site: Site,
    /// When that was.
    pub at_ms: u64,
    /// Audits in the entries, and those of a version whose candidate is not among them.
    pub audits: u64,
    pub audits_without_trial: u64,
    /// Recorded switches that a person made: they are left out.
    pub by_hand: u64,
}

/// The entries of `text`, an array as `GET /admin/audit` gives it, in their order.
///
/// # Errors
/// [`SimulateError`] with the entry's place in the list when it is none.
pub fn read_entries(file: &str, text: &str) -> Result<Vec<Entry>, SimulateError> {
    let problem = |error: serde_json::Error| SimulateError::File { file: file.to_owned(), problem: error.to_string() };
    let values: Vec<serde_json::Value> = serde_json::from_str(text).map_err(problem)?;
    let entry = |(at, value): (u64, serde_json::Value)| {
        serde_json::from_value(value).map_err(|error| SimulateError::File {
            file: file.to_owned(),
            problem: format!("entry {at} of the list: {error}"),
        })
    };
    let mut entries = (1u64..).zip(values).map(entry).collect::<Result<Vec<Entry>, _>>()?;
    entries.sort_by_key(|entry| entry.seq);
    entries.dedup_by_key(|entry| entry.seq);
    Ok(entries)
}

/// What `policy` would have done, site by site. The entries must be in their order.
///
/// The audits are those that the recorded policy asked for: shares of audits and canaries do not add any.
#[must_use]
pub fn replay_entries(entries: &[Entry], policy: &Policy) -> BTreeMap<SiteId, Replayed> {
    let mut sites: BTreeMap<SiteId, Replayed> = BTreeMap::new();
    for entry in entries {
        sites.entry(entry.site.clone()).or_default().take(entry, policy);
    }
    sites
}

impl Replayed {
    fn take(&mut self, entry: &Entry, policy: &Policy) {
        self.at_ms = entry.at_ms;
        match &entry.record {
            Record::Candidate(candidate) => self.candidate(entry, candidate, policy),
            Record::Switch(switch) => self.recorded(entry, switch),
            Record::Audit(audit) => {
                self.audits += 1;
                let known = self.site.live().any(|trial| *trial.version() == audit.version);
                self.audits_without_trial += u64::from(!known);
                self.site.apply(entry.at_ms, &entry.record);
            }
            Record::FailedExam { .. } | Record::Rating(_) | Record::Repeat { .. } | Record::Measure { .. } => {
                self.site.apply(entry.at_ms, &entry.record);
            }
        }
        let (switches, at_ms, seq) = (&mut self.switches, entry.at_ms, entry.seq);
        settle(&mut self.site, at_ms, policy, |switch| switches.push(Made { seq, at_ms, switch: switch.clone() }));
    }

    /// A candidate is held to the tried policy. One that was written because the policy changed would not have been.
    fn candidate(&mut self, entry: &Entry, candidate: &Candidate, policy: &Policy) {
        let candidate = Candidate { policy: policy.clone(), ..candidate.clone() };
        let newest = self.site.challenger.as_ref().or(self.site.incumbent.as_ref());
        let same = |standing: &Candidate| {
            let (version, basis) = (&standing.version, &standing.basis);
            *version == candidate.version && *basis == candidate.basis && standing.grid == candidate.grid
        };
        if !newest.is_some_and(|trial| same(&trial.candidate)) {
            self.site.apply(entry.at_ms, &Record::Candidate(candidate));
        }
    }

    /// What the world did stays; what evidence did is decided anew; what a person did is left out.
    fn recorded(&mut self, entry: &Entry, switch: &Switch) {
        let kept = match switch.cause {
            Cause::Candidate | Cause::Drift | Cause::Evidence => None,
            Cause::Operator => {
                self.by_hand += 1;
                None
            }
            Cause::BasisChanged => {
                let to = if self.site.state.is_serving() { State::Shadow } else { self.site.state };
                Some(Switch { from: self.site.state, to, ..switch.clone() })
            }
            Cause::LogDamaged => Some(Switch { from: self.site.state, to: State::Teacher, ..switch.clone() }),
            Cause::Failures | Cause::ErrorBudget | Cause::LatencyBudget => self.failed(switch),
        };
        if let Some(switch) = kept {
            self.site.apply(entry.at_ms, &Record::Switch(switch.clone()));
            self.switches.push(Made { seq: entry.seq, at_ms: entry.at_ms, switch });
        }
    }

    /// Failures send a version away where it serves.
    fn failed(&self, switch: &Switch) -> Option<Switch> {
        let is_it = |trial: &&handover::Trial| Some(trial.version()) == switch.version.as_ref();
        let incumbent = self.site.incumbent.as_ref().filter(is_it).filter(|_| self.site.state.is_serving());
        let challenger = self.site.challenger.as_ref().filter(is_it).filter(|trial| trial.step.is_some());
        let role = incumbent.map(|_| Role::Incumbent).or_else(|| challenger.map(|_| Role::Challenger))?;
        let from = if role == Role::Incumbent { self.site.state } else { State::Canary };
        Some(Switch { role, from, to: State::Teacher, ..switch.clone() })
    }
}
