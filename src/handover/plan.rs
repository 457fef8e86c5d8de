//! What happens to the next request of a call site. The dice are thrown by the caller, before anything
//! about the answer is known, so audits stay an unbiased sample.

use std::sync::Arc;

use crate::health::Health;
use crate::record::{Candidate, State};
use crate::site::Site;
use crate::trial::Trial;
use crate::{Basis, Policy};

/// Two independent uniform numbers in [0, 1).
#[derive(Clone, Copy, Debug)]
pub struct Dice {
    pub route: f64,
    pub audit: f64,
}

/// Who is asked first.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    Teacher,
    /// The student is asked; it serves if its confidence reaches the threshold and the verifiers pass.
    Student {
        candidate: Arc<Candidate>,
        confidence_threshold: f64,
    },
}

/// Why a request is planned as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The site's state leaves no choice.
    State(State),
    /// In Canary, or under a capped share, the die of this request fell to the teacher.
    CanaryDice,
    /// The die fell into a challenger's share.
    Challenger,
    /// The student has failed or was slow too often; the switch is on its way to the log.
    StudentFailing,
    /// More call sites than are kept apart.
    TooManySites,
    /// The hand-over log cannot be opened or written: nobody is served without it.
    LogUnavailable,
}

impl Because {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::State(state) => state.label(),
            Self::CanaryDice => "canary-dice",
            Self::Challenger => "challenger",
            Self::StudentFailing => "student-failing",
            Self::TooManySites => "too-many-sites",
            Self::LogUnavailable => "log-unavailable",
        }
    }
}

/// What to do with one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub route: Route,
    /// Compare the teacher's answer with this version's afterwards. It need not be the version that is asked
    /// to serve: beside a challenger's canary both are audited, each by its own part of the die.
    pub audit: Option<Arc<Candidate>>,
    /// Ask the teacher a second time afterwards: the site's measure is not chosen yet.
    pub repeat: bool,
    /// The version that this site was handed over to and that does answer, whoever is asked first.
    pub proven: Option<Arc<Candidate>>,
    pub because: Because,
}

impl Plan {
    /// The teacher answers and nothing else happens.
    #[must_use]
    pub fn teacher(because: Because) -> Self {
        Self { route: Route::Teacher, audit: None, repeat: false, proven: None, because }
    }
}

/// A measure that the site's own traffic is to choose.
#[derive(Clone, Copy, Debug)]
pub struct Choosing<'a> {
    /// What the choice depends on.
    pub on: &'a Basis,
    /// Whether lessons are held.
    pub learns: bool,
}

impl Site {
    /// Plans the next request. Of `policy`, today's, only what holds at once counts. `choosing` is `None` where the
    /// measure is given.
    #[must_use]
    pub fn plan(&self, policy: &Policy, choosing: Option<Choosing<'_>>, health: &Health, dice: Dice) -> Plan {
        let because = Because::State(self.state);
        // Where nothing is learnt and no version waits for it, a measure is of no use.
        let waits = || self.live().any(|trial| trial.candidate.measure.is_none());
        let of_use = |choosing: &Choosing<'_>| choosing.learns || waits();
        let wanted = choosing.filter(of_use).is_some_and(|choosing| self.wants_repeats(choosing.on));
        let wanted = wanted && self.state != State::Held;
        let repeat = wanted && dice.audit < policy.audit_share_shadow;
        let teacher = Plan { repeat, ..Plan::teacher(because) };
        let Some(incumbent) = &self.incumbent else { return teacher };
        if matches!(self.state, State::Teacher | State::Held) {
            return teacher;
        }
        let audit = self.audited(incumbent, policy, dice.audit).filter(|candidate| candidate.measure.is_some());
        // A capped share is a smaller part of the same die, so a sticky request keeps its side.
        let cap = policy.share_max.min(self.share_max.unwrap_or(1.0));
        let (route, because) = self.route(incumbent, health, dice.route, cap);
        let handed_over = self.state == State::Student && cap > 0.0;
        let proven = Some(incumbent).filter(|trial| handed_over && student(trial, health).is_some());
        let proven = proven.map(|trial| trial.candidate.clone());
        Plan { route, audit: audit.cloned(), repeat, proven, because }
    }

    /// Whether the measure that depends on `on` is still to be chosen.
    #[must_use]
    pub fn wants_repeats(&self, on: &Basis) -> bool {
        self.measuring.choice.is_none() || self.measuring.on != *on
    }

    fn route(&self, incumbent: &Trial, health: &Health, die: f64, cap: f64) -> (Route, Because) {
        let challenger = self.challenger.as_ref().filter(|_| self.state == State::Student);
        let challenger = challenger.filter(|trial| trial.share().is_some_and(|share| die < share.min(cap)));
        if let Some(route) = challenger.and_then(|trial| student(trial, health)) {
            return (route, Because::Challenger);
        }
        match self.state {
            State::Canary | State::Student if incumbent.share().is_none_or(|share| die >= share.min(cap)) => {
                (Route::Teacher, Because::CanaryDice)
            }
            State::Canary | State::Student => match student(incumbent, health) {
                Some(route) => (route, Because::State(self.state)),
                None => (Route::Teacher, Because::StudentFailing),
            },
            State::Teacher | State::Shadow | State::Held => (Route::Teacher, Because::State(self.state)),
        }
    }

    /// Disjoint parts of the audit die: the incumbent's begins at 0, the challenger's where that ends. Which
    /// version is compared thus depends on nothing that is known of the request.
    fn audited<'a>(&'a self, incumbent: &'a Trial, policy: &Policy, die: f64) -> Option<&'a Arc<Candidate>> {
        let own = audit_share(incumbent, policy);
        let other = self.challenger.as_ref().map_or(0.0, |trial| audit_share(trial, policy));
        let Some(challenger) = self.challenger.as_ref().filter(|trial| trial.version() != incumbent.version()) else {
            return (die < own.max(other)).then_some(&incumbent.candidate);
        };
        // Shares that sum to more than every request are cut in proportion.
        if die < own / (own + other).max(1.0) {
            return Some(&incumbent.candidate);
        }
        (die < own + other).then_some(&challenger.candidate)
    }
}

/// Share of the requests that `trial` is compared on.
fn audit_share(trial: &Trial, policy: &Policy) -> f64 {
    let (shadow, doubt) = (policy.audit_share_shadow, policy.audit_share_doubt);
    // More while in doubt: decided by the past alone, so audits stay an unbiased sample.
    let serving = policy.audit_share_serving.max(if trial.is_in_doubt() { doubt } else { 0.0 });
    match trial.step {
        None => shadow,
        Some(step) if step < trial.policy().canary.len() => serving.max(shadow),
        Some(_) => serving,
    }
}

/// The route to `trial`'s version, if it has a proven threshold and does answer.
fn student(trial: &Trial, health: &Health) -> Option<Route> {
    if health.failing(trial.version()).is_some() {
        return None;
    }
    let confidence_threshold = trial.threshold()?;
    Some(Route::Student { candidate: trial.candidate.clone(), confidence_threshold })
}
