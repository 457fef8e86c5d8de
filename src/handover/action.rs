//! What a person may ask of a site, and the switch that follows.

use callsite::VersionId;

use crate::Policy;
use crate::record::{Cause, State, Switch};
use crate::site::Site;
use crate::trial::Trial;

/// What a person can tell a site.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorAction {
    /// Pause: the teacher answers, nothing moves, all evidence is kept.
    Hold,
    /// Release a hold, or take the next step past a pause or a gate if the evidence suffices.
    Promote,
    /// Stay at the present weight: nothing moves forward, rollbacks do.
    Pause,
    /// End a pause.
    Resume,
    /// Offer a student no more than this share of the requests; 1 lifts the cap.
    Cap { share: f64 },
    /// Back into Shadow and stay there: compared, not served, all evidence kept.
    Shadow,
    /// To a version that was proven here; without one: discard what serves or is on trial, and hold.
    Rollback { to: Option<VersionId> },
    /// Never serve this version again; the site goes on without it.
    Discard { version: VersionId },
}

impl OperatorAction {
    /// Whether it only takes traffic from a student: such an action needs no log to be in force.
    #[must_use]
    pub fn stops(&self) -> bool {
        match self {
            Self::Hold | Self::Rollback { .. } | Self::Discard { .. } | Self::Shadow => true,
            Self::Promote | Self::Pause | Self::Resume | Self::Cap { .. } => false,
        }
    }
}

/// Why a person's wish was not followed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ActionError {
    #[error("the evidence does not allow it yet: {0}")]
    NoEvidence(String),
    #[error(
        "version `{version}` is not proven at this site, or drift or a changed basis has undone its proof; \
         proven versions: {proven}"
    )]
    NotProven { version: VersionId, proven: String },
    #[error("share {0} must lie in (0, 1]; 1 lifts the cap, `hold` and `shadow` take everything")]
    BadShare(f64),
    #[error("there is no version to compare: the site has none on trial or serving")]
    NoVersion,
    #[error("version `{0}` is neither on trial nor proven at this site")]
    UnknownVersion(VersionId),
}

impl Site {
    /// The switch that a person asks for.
    ///
    /// # Errors
    /// [`ActionError`] when traffic would move to a student without recorded evidence, or nothing would change.
    pub fn operate(
        &self,
        now_ms: u64,
        today: &Policy,
        action: &OperatorAction,
        reason: Option<String>,
        actor: Option<String>,
    ) -> Result<Switch, ActionError> {
        let stay = || self.switch(self.state, Cause::Operator);
        let switch = match action {
            OperatorAction::Hold => self.switch(State::Held, Cause::Operator),
            OperatorAction::Rollback { to: None } => {
                Switch { discarded: self.turned_away(), ..self.switch(State::Held, Cause::Operator) }
            }
            OperatorAction::Rollback { to: Some(version) } => self.reinstated(version)?,
            OperatorAction::Discard { version } => self.without(version)?,
            OperatorAction::Promote => match self.state {
                State::Held if self.incumbent.is_some() => self.switch(State::Shadow, Cause::Operator),
                State::Held => self.switch(State::Teacher, Cause::Operator),
                _ => self.due_by_hand(now_ms, today).ok_or_else(|| self.no_evidence(now_ms, today))?,
            },
            OperatorAction::Pause => Switch { paused: Some(true), ..stay() },
            OperatorAction::Resume => Switch { paused: Some(false), ..stay() },
            OperatorAction::Cap { share } if *share > 0.0 && *share <= 1.0 => {
                Switch { share_max: Some(*share), ..stay() }
            }
            OperatorAction::Cap { share } => return Err(ActionError::BadShare(*share)),
            OperatorAction::Shadow if self.incumbent.is_none() => return Err(ActionError::NoVersion),
            OperatorAction::Shadow => Switch { paused: Some(true), ..self.switch(State::Shadow, Cause::Operator) },
        };
        Ok(Switch { reason, actor, ..switch })
    }

    fn no_evidence(&self, now_ms: u64, today: &Policy) -> ActionError {
        ActionError::NoEvidence(self.missing(now_ms, today).join("; "))
    }

    /// The switch back to a hold whose release was cut short by a crash; `None` where the hold stands.
    #[must_use]
    pub fn unfinished_release(&self) -> Option<Switch> {
        let reason = Some("its release was cut short".to_owned());
        (self.state != State::Held).then(|| Switch { reason, ..self.switch(State::Held, Cause::Operator) })
    }

    /// The incumbent, and a challenger that clients have seen.
    fn turned_away(&self) -> Vec<VersionId> {
        let challenger = self.challenger.iter().filter(|trial| trial.served);
        let mut versions: Vec<VersionId> =
            self.incumbent.iter().chain(challenger).map(|trial| trial.version().clone()).collect();
        versions.dedup();
        versions
    }

    fn reinstated(&self, version: &VersionId) -> Result<Switch, ActionError> {
        if !self.is_proven(version) {
            let proven: Vec<&str> = self.proven().map(|proven| proven.version().as_str()).collect();
            return Err(ActionError::NotProven { version: version.clone(), proven: proven.join(", ") });
        }
        Ok(Switch { version: Some(version.clone()), ..self.switch(State::Student, Cause::Operator) })
    }

    fn without(&self, version: &VersionId) -> Result<Switch, ActionError> {
        let named = |trial: &&Trial| trial.version() == version;
        let discarded = vec![version.clone()];
        if self.incumbent.as_ref().is_some_and(|trial| named(&trial)) {
            let to = if self.state == State::Held { State::Held } else { State::Teacher };
            return Ok(Switch { discarded, ..self.switch(to, Cause::Operator) });
        }
        if let Some(challenger) = self.challenger.as_ref().filter(named) {
            return Ok(Switch { discarded, ..Self::drop_challenger(challenger, Cause::Operator) });
        }
        if self.is_proven(version) {
            let version = Some(version.clone());
            return Ok(Switch { discarded, version, ..self.switch(self.state, Cause::Operator) });
        }
        Err(ActionError::UnknownVersion(version.clone()))
    }
}
