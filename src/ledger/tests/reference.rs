//! A small reference for the model test: who may serve, read off the log by rules of its own, and the evidence of
//! every promotion computed anew by plain products.

use std::collections::BTreeSet;

use callsite::VersionId;
use handover::{Audit, AuditOutcome, Basis, Candidate, Cause, Entry, Policy, Record, Role, State, Switch};

/// Who may serve after the entries so far.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    pub(super) state: State,
    pub(super) incumbent: Option<VersionId>,
    pub(super) challenger: Option<VersionId>,
    pub(super) discarded: BTreeSet<VersionId>,
    /// Reached Student on evidence; neither drift nor another basis nor a person has undone it.
    proven: BTreeSet<VersionId>,
}

impl Allowed {
    /// Follows the log; panics where a switch has no ground to stand on.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut allowed = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            match &entry.record {
                Record::Audit(_)
                | Record::FailedExam { .. }
                | Record::Rating(_)
                | Record::Repeat { .. }
                | Record::Measure { .. } => {}
                Record::Candidate(candidate) => {
                    assert!(!allowed.discarded.contains(&candidate.version), "a discarded version is tried again");
                    allowed.challenger = None;
                }
                Record::Switch(switch) => allowed.follow(switch, &entries[..at]),
            }
        }
        allowed
    }

    fn follow(&mut self, switch: &Switch, before: &[Entry]) {
        let version = switch.version.clone();
        if switch.cause == Cause::Evidence && switch.to.is_serving() {
            let version = version.clone().expect("evidence is somebody's");
            // What was shown once stands (an e-process that has crossed its bound may fall again).
            match (switch.from, switch.role) {
                (State::Shadow, _) => assert!(proven_anew(before, &version), "no evidence: {switch:?}"),
                (_, Role::Incumbent) => assert_eq!(self.incumbent.as_ref(), Some(&version), "{switch:?}"),
                (_, Role::Challenger) => assert_eq!(self.challenger.as_ref(), Some(&version), "{switch:?}"),
            }
            assert!(!self.discarded.contains(&version));
            if switch.to == State::Student {
                self.proven.insert(version);
            }
        }
        match (switch.role, switch.to) {
            (Role::Challenger, State::Student) => (self.incumbent, self.challenger) = (version.clone(), None),
            (Role::Challenger, State::Canary) => self.challenger = version.clone(),
            (Role::Challenger, _) => self.challenger = None,
            (Role::Incumbent, to) => {
                assert_eq!(switch.from, self.state, "a switch from where the site is not");
                if to == State::Student && switch.cause == Cause::Operator && switch.from != to {
                    assert!(self.proven.contains(version.as_ref().expect("a version")), "rolled back to the unproven");
                }
                let only_discards = switch.moves_nobody();
                if !to.is_serving() {
                    (self.incumbent, self.challenger) = (None, None);
                } else if !only_discards {
                    self.incumbent = version.clone();
                    self.challenger = self.challenger.take().filter(|_| switch.cause != Cause::Operator);
                }
                self.state = to;
            }
        }
        if let (Cause::Drift, Some(version)) = (switch.cause, &version) {
            self.proven.remove(version);
        }
        if switch.cause == Cause::BasisChanged {
            self.proven.clear();
        }
        for discarded in &switch.discarded {
            self.proven.remove(discarded);
            self.discarded.insert(discarded.clone());
        }
    }
}

/// One trial of a version, and the audits that are evidence: those since its measure is known.
struct Trial {
    candidate: Candidate,
    number: u32,
    measured: bool,
    audits: Vec<Audit>,
}

/// Whether some trial of `version` that is still valid after `entries` has all that promotion asks for.
fn proven_anew(entries: &[Entry], version: &VersionId) -> bool {
    let mut newest: Option<Candidate> = None;
    // What the measure that was chosen stands on.
    let mut chosen: Option<Basis> = None;
    let mut begun = 0;
    let mut trials: Vec<Trial> = Vec::new();
    for entry in entries {
        match &entry.record {
            Record::Candidate(candidate) => {
                begun += 1;
                if candidate.version == *version {
                    newest = Some(candidate.clone());
                    let measured = candidate.measure.is_some() || holds(chosen.as_ref(), &candidate.basis);
                    trials.push(Trial { candidate: candidate.clone(), number: begun, measured, audits: Vec::new() });
                }
            }
            Record::Switch(switch) if switch.basis.is_some() || switch.cause == Cause::Drift => {
                let before = trials.last().is_none_or(|trial| trial.measured);
                let measured = switch.basis.as_ref().map_or(before, |basis| holds(chosen.as_ref(), basis));
                if switch.basis.is_some() {
                    trials.clear();
                }
                // At least this many: where there was a version, its trial began anew.
                begun += u32::from(switch.basis.is_some() && switch.version.is_some());
                if let Some(candidate) = newest.clone() {
                    trials.push(Trial { candidate, number: begun, measured, audits: Vec::new() });
                }
            }
            Record::Audit(audit) if audit.version == *version => {
                let measured = trials.iter_mut().filter(|trial| trial.measured);
                measured.for_each(|trial| trial.audits.push(audit.clone()));
            }
            Record::Repeat { on, .. } => chosen = chosen.filter(|chosen| chosen == on),
            Record::Measure { on, .. } => {
                chosen = Some(on.clone());
                trials.iter_mut().for_each(|trial| trial.measured = true);
            }
            _ => {}
        }
    }
    trials.iter().any(|trial| suffices(&trial.candidate, trial.number, &trial.audits))
}

fn holds(chosen: Option<&Basis>, basis: &Basis) -> bool {
    chosen.is_some_and(|chosen| chosen.is_part_of(basis))
}

fn share(budget: f64, number: u32) -> f64 {
    budget * 6.0 / (std::f64::consts::PI * f64::from(number)).powi(2)
}

/// The grid of the model test is 0.5 and 0.0; its exam suggests 0.0. Walks begin at 0.5 with a tenth of the budget and
/// at 0.0 with nine.
fn suffices(candidate: &Candidate, number: u32, audits: &[Audit]) -> bool {
    assert_eq!((candidate.grid.as_slice(), candidate.likely), ([0.5, 0.0].as_slice(), Some(0.0)));
    let policy = &candidate.policy;
    let alpha = share(policy.promote_alpha, number);
    let good = |tau, part| quality_peak(audits, tau, policy) >= 1.0 / (alpha * part) * (1.0 - 1e-6);
    let safe = |tau| risk_peak(audits, tau, policy) >= 1.0 / share(policy.risk_delta, number) * (1.0 - 1e-6);
    let covers = |tau| {
        let covered = audits.iter().filter(|audit| served(audit, tau)).count();
        covered as f64 / audits.len() as f64 >= policy.coverage_min
    };
    let strict = safe(0.5) && good(0.5, 0.1) && covers(0.5);
    strict || safe(0.5) && safe(0.0) && covers(0.0) && (good(0.0, 0.9) || good(0.5, 0.1) && good(0.0, 0.1))
}

fn served(audit: &Audit, tau: f64) -> bool {
    matches!(audit.outcome, AuditOutcome::Compared { confidence, verified: true, .. } if confidence >= tau)
}

/// The largest capital so far of those who bet that the served answers are good.
fn quality_peak(audits: &[Audit], tau: f64, policy: &Policy) -> f64 {
    let mut capital = [1.0f64; 5];
    let after = audits.iter().filter(|audit| served(audit, tau)).map(|audit| {
        let AuditOutcome::Compared { quality, .. } = audit.outcome else { panic!("only answers are served") };
        for (capital, bet) in capital.iter_mut().zip([0.10, 0.25, 0.50, 0.75, 0.90]) {
            *capital *= 1.0 + bet / policy.quality_min * (quality - policy.quality_min);
        }
        capital.iter().sum::<f64>() / 5.0
    });
    after.fold(1.0, f64::max)
}

/// The same of those who bet that few requests get a bad local answer.
fn risk_peak(audits: &[Audit], tau: f64, policy: &Policy) -> f64 {
    let mut capital = [0.05, 0.2375, 0.2375, 0.2375, 0.2375];
    let after = audits.iter().map(|audit| {
        let bad = matches!(audit.outcome, AuditOutcome::Compared { bad: true, .. });
        let loss = f64::from(u8::from(served(audit, tau) && bad));
        for (capital, bet) in capital.iter_mut().zip([0.10, 0.20, 0.40, 0.60, 0.80]) {
            *capital *= 1.0 + bet / (1.0 - policy.risk_alpha) * (policy.risk_alpha - loss);
        }
        capital.iter().sum::<f64>()
    });
    after.fold(1.0, f64::max)
}
