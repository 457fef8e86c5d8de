//! The state that a call site's log replays to. What is due, and what a person may ask for, is decided in
//! `due` and `action`; here records only take effect.

use std::sync::Arc;

use callsite::VersionId;
use serde::{Deserialize, Serialize};
use verify::{Choice, Measure, Repeat};

use crate::Basis;
use crate::record::{Audit, Candidate, Cause, Record, Role, State, Switch};
use crate::trial::Trial;

/// How a site's measure is being chosen, or was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measuring {
    /// What the choice depends on.
    pub on: Basis,
    /// The calibration sample: kept as it was when the choice was made.
    pub repeats: Vec<Repeat>,
    pub choice: Option<Choice>,
}

/// One call site.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub state: State,
    /// The version that the state speaks of: on trial in Shadow, serving in Canary and Student, paused in Held.
    pub incumbent: Option<Trial>,
    /// A version that wants the incumbent's place: in Shadow, or in a canary of its own beside a Student.
    pub challenger: Option<Trial>,
    /// Versions that reached Student on their evidence; a rollback may name them. At most one trial each.
    pub proven: Vec<Trial>,
    /// Versions that are never served again here.
    pub discarded: Vec<VersionId>,
    /// What its answers are measured by.
    pub measuring: Measuring,
    /// A person stopped it at its present weight: nothing moves forward, rollbacks do.
    pub paused: bool,
    /// A person's cap of the student's share.
    pub share_max: Option<f64>,
    /// Trials begun so far.
    pub trials: u32,
    /// Why the state is what it is.
    pub last_switch: Option<Switch>,
    /// When drift last sent a serving student away (Unix time, by the clock of that moment): what the
    /// teacher said before is stale.
    pub stale_before_ms: Option<u64>,
}

impl Site {
    /// Replays one record written at `at_ms` (Unix time).
    pub fn apply(&mut self, at_ms: u64, record: &Record) {
        match record {
            Record::Audit(audit) => self.observe(audit),
            Record::Rating(rating) => {
                self.live_mut()
                    .filter(|trial| *trial.version() == rating.version)
                    .for_each(|trial| trial.rated(rating));
            }
            Record::Candidate(candidate) => self.try_out(candidate.clone()),
            Record::FailedExam { .. } => {}
            Record::Switch(switch) => self.switched(at_ms, switch),
            Record::Repeat { on, repeat } => {
                self.measure_on(on);
                self.measuring.repeats.push(repeat.clone());
            }
            Record::Measure { on, choice } => {
                self.measure_on(on);
                self.measuring.choice = Some(choice.clone());
                let measure = &choice.measure;
                for trial in self.live_mut().filter(|trial| trial.candidate.measure.is_none()) {
                    Arc::make_mut(&mut trial.candidate).measure = Some(measure.clone());
                }
            }
        }
    }

    fn switched(&mut self, at_ms: u64, switch: &Switch) {
        match switch.role {
            Role::Incumbent if switch.moves_nobody() => {}
            Role::Incumbent => self.move_site(at_ms, switch),
            Role::Challenger => self.move_challenger(at_ms, switch),
        }
        switch.discarded.iter().for_each(|version| self.discard(version));
        if let Some(basis) = &switch.basis {
            self.void_evidence(basis);
        }
        self.paused = switch.paused.unwrap_or(self.paused);
        if let Some(share) = switch.share_max {
            self.share_max = (share < 1.0).then_some(share);
        }
        self.last_switch = Some(switch.clone());
    }

    /// Begins the choice of the measure anew when it would stand on other ground.
    fn measure_on(&mut self, on: &Basis) {
        if self.measuring.on != *on {
            self.measuring = Measuring { on: on.clone(), ..Measuring::default() };
        }
    }

    /// The incumbent and the challenger, if any.
    pub fn live(&self) -> impl Iterator<Item = &Trial> {
        self.incumbent.iter().chain(&self.challenger)
    }

    /// Two trials of one version, under different policies, both learn from its audits: each is a valid
    /// test of its own.
    fn observe(&mut self, audit: &Audit) {
        let trials = self.incumbent.iter_mut().chain(&mut self.challenger);
        trials.filter(|trial| *trial.version() == audit.version).for_each(|trial| trial.observe(audit));
    }

    /// A serving version stays until the newcomer has evidence of its own.
    fn try_out(&mut self, candidate: Candidate) {
        self.trials += 1;
        let chosen = self.chosen_for(&candidate.basis);
        let candidate = Candidate { measure: candidate.measure.clone().or(chosen), ..candidate };
        let trial = Some(Trial::new(candidate, self.trials));
        if self.state.is_serving() {
            self.challenger = trial;
        } else {
            self.incumbent = trial;
            self.challenger = None;
        }
    }

    fn move_site(&mut self, at_ms: u64, switch: &Switch) {
        if switch.cause == Cause::LogDamaged {
            (self.incumbent, self.challenger) = (None, None);
            self.proven.clear();
        }
        match switch.to {
            // A version that waits for its trial goes on waiting.
            State::Teacher if self.state == State::Teacher => {}
            State::Teacher => self.leave(at_ms, switch.cause),
            State::Held | State::Shadow => {
                self.live_mut().for_each(|trial| trial.enter(None, at_ms));
            }
            State::Canary | State::Student => {
                if switch.cause == Cause::Operator {
                    self.reinstate(at_ms, switch.version.as_ref());
                } else if let Some(trial) = &mut self.incumbent {
                    trial.enter(Some(switch.step), at_ms);
                    if switch.to == State::Student {
                        let trial = trial.clone();
                        self.remember(trial);
                    }
                }
            }
        }
        self.state = switch.to;
    }

    /// The incumbent leaves; a challenger gets the trial.
    fn leave(&mut self, at_ms: u64, cause: Cause) {
        let left = self.incumbent.take();
        self.incumbent =
            self.challenger.take().filter(|next| Some(next.version()) != left.as_ref().map(Trial::version));
        if let Some(next) = &mut self.incumbent {
            next.enter(None, at_ms);
        }
        if cause == Cause::Drift {
            self.stale_before_ms = Some(at_ms);
            if let Some(left) = left {
                self.proven.retain(|proven| proven.version() != left.version());
            }
            // What the challenger showed before the drift may be as stale as what the incumbent showed.
            self.restart(|_| {});
        }
    }

    fn move_challenger(&mut self, at_ms: u64, switch: &Switch) {
        match switch.to {
            State::Student => {
                let Some(mut trial) = self.challenger.take() else { return };
                trial.enter(Some(switch.step), at_ms);
                if let Some(before) = self.incumbent.take() {
                    self.remember(before);
                }
                self.remember(trial.clone());
                self.incumbent = Some(trial);
            }
            State::Canary => {
                if let Some(trial) = &mut self.challenger {
                    trial.enter(Some(switch.step), at_ms);
                }
            }
            // Nobody serves: it takes over the trial.
            State::Shadow => self.incumbent = self.challenger.take().or_else(|| self.incumbent.take()),
            State::Teacher | State::Held => {
                let dropped = self.challenger.take();
                if let Some(dropped) = dropped.filter(|_| switch.cause == Cause::Drift) {
                    self.proven.retain(|proven| proven.version() != dropped.version());
                }
            }
        }
    }

    /// Serves a proven version again. What has never served stays on trial, as the challenger; what has is what
    /// the person turned away from.
    fn reinstate(&mut self, at_ms: u64, version: Option<&VersionId>) {
        let before = self.incumbent.clone();
        // Another trial of a proven version has no proof to keep.
        let same = |trial: &&Trial| self.proven.iter().any(|proven| proven.number == trial.number);
        if let Some(before) = before.as_ref().filter(same).cloned() {
            self.remember(before);
        }
        let Some(mut proven) = self.proven.iter().find(|proven| Some(proven.version()) == version).cloned() else {
            return;
        };
        let waits = |trial: &Trial| !trial.served && Some(trial.version()) != version;
        self.challenger = self.challenger.take().filter(waits).or_else(|| before.filter(waits));
        proven.enter(None, at_ms);
        proven.enter(Some(proven.policy().canary.len()), at_ms);
        self.incumbent = Some(proven);
    }

    /// Keeps the newest evidence of a version that may serve again.
    fn remember(&mut self, trial: Trial) {
        self.proven.retain(|proven| proven.version() != trial.version());
        self.proven.push(trial.without_memory());
    }

    pub(crate) fn is_proven(&self, version: &VersionId) -> bool {
        self.proven.iter().any(|proven| proven.version() == version)
    }

    /// Never serves `version` again; a challenger gets a discarded incumbent's place.
    pub fn discard(&mut self, version: &VersionId) {
        let other = |trial: &Trial| trial.version() != version;
        self.incumbent = self.incumbent.take().filter(other);
        self.challenger = self.challenger.take().filter(other);
        self.proven.retain(other);
        if self.incumbent.is_none() {
            self.incumbent = self.challenger.take();
        }
        if !self.discarded.contains(version) {
            self.discarded.push(version.clone());
        }
    }

    /// The measure that was chosen, where what the choice depends on still holds.
    fn chosen_for(&self, basis: &Basis) -> Option<Measure> {
        let choice = self.measuring.choice.as_ref().filter(|_| self.measuring.on.is_part_of(basis))?;
        Some(choice.measure.clone())
    }

    fn void_evidence(&mut self, basis: &Basis) {
        self.proven.clear();
        // The measure is chosen anew where what it depends on has changed.
        let chosen = self.chosen_for(basis);
        self.restart(|candidate| {
            candidate.basis = basis.clone();
            candidate.measure.clone_from(&chosen);
        });
    }

    /// Begins the live trials anew, each under the next share of the error budget.
    fn restart(&mut self, change: impl Fn(&mut Candidate)) {
        for trial in self.incumbent.iter_mut().chain(&mut self.challenger) {
            self.trials += 1;
            let mut candidate = Candidate::clone(&trial.candidate);
            change(&mut candidate);
            *trial = Trial::new(candidate, self.trials);
        }
    }

    fn live_mut(&mut self) -> impl Iterator<Item = &mut Trial> {
        self.incumbent.iter_mut().chain(&mut self.challenger)
    }
}
