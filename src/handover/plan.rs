//! What happens to the next request of a call site. The dice are thrown by the caller, before anything
//! about the answer is known, so audits stay an unbiased sample.

use crate::{Policy, Site, State};

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
    /// The student is asked; it serves if its confidence reaches `tau` and the verifiers pass.
    Student {
        version: String,
        tau: f64,
    },
}

/// What to do with one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub route: Route,
    /// Compare both answers afterwards, with this version.
    pub audit: Option<String>,
    /// The text of `x-apprentice-reason` when the route stands.
    pub reason: &'static str,
}

impl Plan {
    /// The teacher answers and nothing else happens.
    #[must_use]
    pub fn teacher(reason: &'static str) -> Self {
        Self { route: Route::Teacher, audit: None, reason }
    }
}

impl Site {
    /// Plans the next request.
    #[must_use]
    pub fn plan(&self, policy: &Policy, dice: Dice) -> Plan {
        let Some(trial) = &self.trial else { return Plan::teacher(self.state.label()) };
        let (share, audit_share) = match self.state {
            State::Teacher | State::Held => return Plan::teacher(self.state.label()),
            State::Shadow => (0.0, policy.audit_share_shadow),
            State::Canary => {
                let step = policy.canary.get(trial.step);
                (step.map_or(0.0, |step| step.share), policy.audit_share_serving.max(policy.audit_share_shadow))
            }
            State::Student => (1.0, policy.audit_share_serving),
        };
        let audit = (dice.audit < audit_share).then(|| trial.version.clone());
        let route = match trial.threshold() {
            Some(tau) if dice.route < share => Route::Student { version: trial.version.clone(), tau },
            _ => Route::Teacher,
        };
        Plan { route, audit, reason: self.state.label() }
    }
}
