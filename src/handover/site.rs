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
    /// Incumbents of before that reached Student on their evidence, as they left. At most one trial of a version.
    pub former: Vec<Trial>,
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
            Record::Audit(audit) => self.observe(at_ms, audit),
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

    /// The versions that a rollback may name: they reached Student on their evidence, and neither drift nor another basis
    /// nor a person has undone that. The incumbent comes last.
    pub fn proven(&self) -> impl Iterator<Item = &Trial> {
        self.former.iter().chain(self.incumbent.as_ref().filter(|trial| trial.reached_student))
    }

    /// The incumbent and the challenger, if any.
    pub fn live(&self) -> impl Iterator<Item = &Trial> {
        self.incumbent.iter().chain(&self.challenger)
    }

    /// Two trials of one version, under different policies, both learn from its audits: each is a valid
    /// test of its own.
    fn observe(&mut self, at_ms: u64, audit: &Audit) {
        for trial in self.live_mut().filter(|trial| *trial.version() == audit.version) {
            // A step that began on a clock that was ahead must not wait until it is that late.
            trial.step_since_ms = trial.step_since_ms.min(at_ms);
            trial.observe(audit);
        }
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
            self.follow(trial);
            self.challenger = None;
        }
    }

    fn move_site(&mut self, at_ms: u64, switch: &Switch) {
        if switch.cause == Cause::LogDamaged {
            (self.incumbent, self.challenger) = (None, None);
            self.former.clear();
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
                        self.prove();
                    }
                }
            }
        }
        self.state = switch.to;
    }

    /// The incumbent leaves; a challenger gets the trial.
    fn leave(&mut self, at_ms: u64, cause: Cause) {
        let left = self.incumbent.as_ref().map(|trial| trial.version().clone());
        let next = self.challenger.take().filter(|next| Some(next.version()) != left.as_ref());
        self.follow(next);
        if let Some(next) = &mut self.incumbent {
            next.enter(None, at_ms);
        }
        if cause == Cause::Drift {
            self.stale_before_ms = Some(at_ms);
            if let Some(left) = left {
                self.disprove(&left);
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
                self.follow(Some(trial));
                self.prove();
            }
            State::Canary => {
                if let Some(trial) = &mut self.challenger {
                    trial.enter(Some(switch.step), at_ms);
                }
            }
            // Nobody serves: it takes over the trial.
            State::Shadow => {
                if let Some(next) = self.challenger.take() {
                    self.follow(Some(next));
                }
            }
            State::Teacher | State::Held => {
                let dropped = self.challenger.take();
                if let Some(dropped) = dropped.filter(|_| switch.cause == Cause::Drift) {
                    self.disprove(dropped.version());
                }
            }
        }
    }

    /// Serves a proven version again. What has never served stays on trial, as the challenger; what has is what
    /// the person turned away from.
    fn reinstate(&mut self, at_ms: u64, version: Option<&VersionId>) {
        let named = |trial: &Trial| Some(trial.version()) == version;
        let waits = |trial: &Trial| !trial.served && !named(trial);
        // Another trial of a proven version, which stands, has no proof to serve on.
        if !self.incumbent.as_ref().is_some_and(|trial| trial.reached_student && named(trial)) {
            let Some(at) = self.former.iter().position(named) else { return };
            let again = self.former.remove(at);
            if self.challenger.as_ref().is_none_or(|challenger| !waits(challenger)) {
                self.challenger = self.incumbent.take_if(|before| waits(before));
            }
            self.follow(Some(again));
        }
        self.challenger = self.challenger.take().filter(waits);
        if let Some(trial) = &mut self.incumbent {
            trial.enter(None, at_ms);
            trial.enter(Some(trial.policy().canary.len()), at_ms);
        }
    }

    /// Puts `next` in the incumbent's place. What has been proven stays so, with its newest evidence.
    fn follow(&mut self, next: Option<Trial>) {
        let before = std::mem::replace(&mut self.incumbent, next);
        self.former.extend(before.filter(|before| before.reached_student).map(Trial::without_memory));
    }

    /// The incumbent has reached Student on its evidence; an older proof of its version is of no more use.
    fn prove(&mut self) {
        if let Some(trial) = &mut self.incumbent {
            trial.reached_student = true;
            self.former.retain(|former| former.version() != trial.version());
        }
    }

    /// Whatever was proven of `version` is so no more.
    fn disprove(&mut self, version: &VersionId) {
        self.former.retain(|former| former.version() != version);
        if let Some(trial) = self.incumbent.as_mut().filter(|trial| trial.version() == version) {
            trial.reached_student = false;
        }
    }

    pub(crate) fn is_proven(&self, version: &VersionId) -> bool {
        self.proven().any(|proven| proven.version() == version)
    }

    /// Never serves `version` again; a challenger gets a discarded incumbent's place.
    pub fn discard(&mut self, version: &VersionId) {
        let other = |trial: &Trial| trial.version() != version;
        self.incumbent = self.incumbent.take().filter(other);
        self.challenger = self.challenger.take().filter(other);
        self.former.retain(other);
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
        self.former.clear();
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
