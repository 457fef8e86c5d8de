//! Which record the evidence, the failures or changed rules call for. Reads the state, changes nothing.

use callsite::VersionId;

use crate::health::Health;
use crate::record::{Candidate, Cause, Record, Role, State, Switch};
use crate::site::Site;
use crate::trial::Trial;
use crate::{Basis, Policy};

/// Two coverages that differ by less are equal for their audits' chance.
const COVERAGE_OF_INCUMBENT: f64 = 0.95;

impl Site {
    /// The switch that the evidence calls for at `now_ms`, by what of `today`'s policy holds at once. Made one after the
    /// other they come to an end: each leads nearer to a state where none is due.
    #[must_use]
    pub fn due(&self, now_ms: u64, today: &Policy, health: &Health) -> Option<Switch> {
        let forward = !self.paused && !today.shadow_only;
        let open = |trial: &Trial| forward && !trial.is_gated() && health.is_within_budgets(trial.version(), today);
        self.due_back().or_else(|| self.due_forward(now_ms, today, open))
    }

    /// The same past a pause or a gate: a person opens the way, the evidence still has to be there.
    #[must_use]
    pub fn due_by_hand(&self, now_ms: u64, today: &Policy) -> Option<Switch> {
        self.due_back().or_else(|| self.due_forward(now_ms, today, |_| true))
    }

    fn due_back(&self) -> Option<Switch> {
        if self.state.is_serving() && self.incumbent.as_ref().is_some_and(Trial::has_drifted) {
            return Some(self.switch(State::Teacher, Cause::Drift));
        }
        let challenger = self.challenger.as_ref().filter(|trial| trial.step.is_some() && trial.has_drifted())?;
        Some(Self::drop_challenger(challenger, Cause::Drift))
    }

    fn due_forward(&self, now_ms: u64, today: &Policy, open: impl Fn(&Trial) -> bool) -> Option<Switch> {
        let incumbent = self.incumbent.as_ref()?;
        let moves = match self.state {
            State::Teacher => Some(self.switch(State::Shadow, Cause::Candidate)),
            State::Shadow | State::Canary if open(incumbent) && is_ready(incumbent, now_ms) => {
                Some(self.step_of(Role::Incumbent, incumbent))
            }
            State::Shadow | State::Canary | State::Student | State::Held => None,
        };
        moves.or_else(|| self.due_for_challenger(now_ms, today, open))
    }

    fn due_for_challenger(&self, now_ms: u64, today: &Policy, open: impl Fn(&Trial) -> bool) -> Option<Switch> {
        let trial = self.challenger.as_ref()?;
        let ready = open(trial) && is_ready(trial, now_ms);
        match self.state {
            State::Student if ready && self.earns_its_place(trial) => Some(self.step_of(Role::Challenger, trial)),
            // Its audits cost calls of the teacher, and somebody serves already.
            State::Student if trial.step.is_none() && trial.audits() >= today.challenger_audits_max => {
                Some(Self::drop_challenger(trial, Cause::Evidence))
            }
            // The incumbent is not ready, or it would have moved.
            State::Shadow if ready => Some(Switch {
                role: Role::Challenger,
                from: State::Shadow,
                ..Self::standing(trial, State::Shadow, Cause::Evidence)
            }),
            State::Teacher | State::Shadow | State::Canary | State::Student | State::Held => None,
        }
    }

    /// Whether a version that is proven takes the place of the one that serves: it must not cover fewer of the requests.
    /// Under another policy, and where what serves has lost coverage, that comparison says nothing.
    fn earns_its_place(&self, trial: &Trial) -> bool {
        let Some(incumbent) = self.incumbent.as_ref().filter(|_| trial.step.is_none()) else { return true };
        let comparable = trial.policy() == incumbent.policy() && !incumbent.has_lost_coverage();
        !comparable || trial.coverage() >= incumbent.coverage() * COVERAGE_OF_INCUMBENT
    }

    /// The next step of the canary, or Student when there is none.
    fn step_of(&self, role: Role, trial: &Trial) -> Switch {
        let step = trial.step.map_or(0, |step| step + 1);
        let to = if step < trial.policy().canary.len() { State::Canary } else { State::Student };
        let from = match role {
            Role::Incumbent => self.state,
            Role::Challenger => challenger_state(trial),
        };
        Switch { role, from, step, ..Self::standing(trial, to, Cause::Evidence) }
    }

    /// The switch that failures, or answers that come too late, call for.
    #[must_use]
    pub fn due_to_health(&self, health: &Health) -> Option<Switch> {
        let failing = |trial: &Trial| health.failing(trial.version());
        let incumbent = self.incumbent.as_ref().filter(|_| self.state.is_serving());
        if let Some(cause) = incumbent.and_then(failing) {
            return Some(self.switch(State::Teacher, cause));
        }
        let challenger = self.challenger.as_ref().filter(|trial| trial.step.is_some())?;
        Some(Self::drop_challenger(challenger, failing(challenger)?))
    }

    pub(crate) fn drop_challenger(trial: &Trial, cause: Cause) -> Switch {
        let from = challenger_state(trial);
        Switch { role: Role::Challenger, from, ..Self::standing(trial, State::Teacher, cause) }
    }

    /// The record that changed rules call for, none when the newest trial is held to them already.
    ///
    /// Another basis voids the evidence of every trial. Another policy, in what evidence depends on, begins a
    /// new trial of the newest version; what serves goes on under the policy that it was proven with.
    #[must_use]
    pub fn due_to_rules(&self, policy: &Policy, basis: &Basis) -> Option<Record> {
        let other = |trial: &&Trial| trial.candidate.basis != *basis;
        if let Some(trial) = self.live().chain(&self.former).find(other) {
            let to = if self.state.is_serving() { State::Shadow } else { self.state };
            let reason = Some(trial.candidate.basis.changed(basis).join(", "));
            let basis = Some(basis.clone());
            return Some(Record::Switch(Switch { reason, basis, ..self.switch(to, Cause::BasisChanged) }));
        }
        let newest = self.challenger.as_ref().or(self.incumbent.as_ref())?;
        (!newest.policy().asks_the_same(policy))
            .then(|| Record::Candidate(Candidate { policy: policy.clone(), ..Candidate::clone(&newest.candidate) }))
    }

    /// The switch after which nothing is served on what a damaged log still says; a hold stays one.
    #[must_use]
    pub fn after_damage(&self, held: bool, reason: String) -> Switch {
        let to = if held || self.state == State::Held { State::Held } else { State::Teacher };
        Switch { reason: Some(reason), ..self.switch(to, Cause::LogDamaged) }
    }

    /// What keeps the site from moving on at `now_ms`, in words, in every state; empty only where nothing is above it.
    #[must_use]
    pub fn missing(&self, now_ms: u64, today: &Policy) -> Vec<String> {
        let stopped = [
            self.paused.then(|| "a person has paused it; `resume` lets it go on".to_owned()),
            today.shadow_only.then(|| "handover.shadow_only: it is compared and never served".to_owned()),
            self.live().any(Trial::is_gated).then(|| "the next step waits for a person's `promote`".to_owned()),
        ];
        self.evidence_missing(now_ms).into_iter().chain(stopped.into_iter().flatten()).collect()
    }

    fn evidence_missing(&self, now_ms: u64) -> Vec<String> {
        let Some(trial) = &self.incumbent else { return vec!["no version has passed its exam yet".into()] };
        match self.state {
            State::Teacher | State::Shadow => trial.missing(),
            State::Canary => {
                let steps = trial.policy().canary.len();
                let (step, waits) = (trial.step.map_or(0, |step| step + 1), trial.step_missing(now_ms));
                vec![format!("step {step} of {steps} of the canary waits for {}", waits.join(", "))]
            }
            State::Student => match &self.challenger {
                None => vec!["the student serves already; a newer version has to pass its exam".into()],
                Some(next) => {
                    let name = next.version();
                    let missing = match next.step {
                        None if next.may_serve() && !self.earns_its_place(next) => {
                            let (covers, others) = (next.coverage(), trial.coverage());
                            vec![format!("it covers {covers:.3} of the requests, what serves {others:.3}")]
                        }
                        None => next.missing(),
                        Some(_) => vec![format!("its canary waits for {}", next.step_missing(now_ms).join(", "))],
                    };
                    missing.into_iter().map(|missing| format!("challenger {name}: {missing}")).collect()
                }
            },
            State::Held => vec!["a person holds the site".into()],
        }
    }

    /// A switch of the site itself.
    pub(crate) fn switch(&self, to: State, cause: Cause) -> Switch {
        let standing = self.incumbent.as_ref().map(|trial| Self::standing(trial, to, cause));
        let standing = standing.unwrap_or_else(|| blank(to, cause));
        Switch { from: self.state, ..standing }
    }

    /// A switch with what `trial` stands on.
    fn standing(trial: &Trial, to: State, cause: Cause) -> Switch {
        let version: Option<VersionId> = Some(trial.version().clone());
        let (lower_bound, threshold) = (Some(trial.lower_bound()), trial.threshold());
        Switch { version, lower_bound, threshold, audits: trial.audits(), ..blank(to, cause) }
    }
}

fn blank(to: State, cause: Cause) -> Switch {
    Switch {
        role: Role::Incumbent,
        from: State::Teacher,
        to,
        cause,
        version: None,
        step: 0,
        lower_bound: None,
        threshold: None,
        audits: 0,
        reason: None,
        actor: None,
        paused: None,
        share_max: None,
        discarded: Vec::new(),
        basis: None,
    }
}

/// Whether the evidence allows the next step.
fn is_ready(trial: &Trial, now_ms: u64) -> bool {
    if trial.step.is_none() { trial.may_serve() } else { trial.step_missing(now_ms).is_empty() }
}

/// Where a challenger stands by itself.
fn challenger_state(trial: &Trial) -> State {
    if trial.step.is_some() { State::Canary } else { State::Shadow }
}
