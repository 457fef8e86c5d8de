//! What a person asks of a site. A hold, a rollback and a discard are in force from the call on, written or not.

use callsite::SiteId;
use handover::{OperatorAction, Record, Switch};
use serde::Serialize;

use crate::LedgerError;
use crate::ledger::{Ledger, Pending, Writer};
use crate::table::Slot;

/// What became of a person's action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub switch: Switch,
    /// Whether it is on disk. If not it is in force all the same, and `flush` writes it as soon as it can.
    pub written: bool,
}

impl Ledger {
    /// Follows a person's wish; it holds from the next request on and survives a restart once it is written.
    /// Blocks on the disk.
    ///
    /// # Errors
    /// [`LedgerError::Action`] when traffic would move without evidence or nothing would change;
    /// [`LedgerError::LogUnavailable`] when it needs a log that cannot be read or written.
    pub fn operate(
        &self,
        site: &SiteId,
        at_ms: u64,
        action: OperatorAction,
        reason: Option<String>,
        actor: Option<String>,
    ) -> Result<Outcome, LedgerError> {
        let slot = self.known(site)?;
        let stops = action.stops();
        slot.lock().stopping += u32::from(stops);
        let mut writer = self.writer.lock();
        let outcome = self.decide(&mut writer, &slot, site, at_ms, action, (reason, actor));
        slot.lock().stopping -= u32::from(stops);
        self.publish(site);
        outcome
    }

    fn decide(
        &self,
        writer: &mut Writer,
        slot: &Slot,
        site: &SiteId,
        at_ms: u64,
        action: OperatorAction,
        (reason, actor): (Option<String>, Option<String>),
    ) -> Result<Outcome, LedgerError> {
        let needs_log = match &action {
            OperatorAction::Hold | OperatorAction::Rollback { to: None } => false,
            OperatorAction::Promote
            | OperatorAction::Pause
            | OperatorAction::Resume
            | OperatorAction::Cap { .. }
            | OperatorAction::Shadow
            | OperatorAction::Rollback { to: Some(_) }
            | OperatorAction::Discard { .. } => true,
        };
        if needs_log && !writer.loaded {
            return Err(LedgerError::LogUnavailable);
        }
        let standing = slot.lock().site.clone();
        let today = self.rules.of(site);
        let switch = standing.operate(at_ms, &today.policy, &action, reason.clone(), actor.clone())?;
        match self.commit(writer, site, at_ms, Record::Switch(switch.clone())) {
            Ok(()) => {
                // The switch stands whatever becomes of those that follow from it.
                if self.settle(writer, site, at_ms).is_err() {
                    tracing::warn!(%site, "what follows from an operator's action waits for the log");
                }
                Ok(Outcome { switch, written: true })
            }
            Err(error) if !action.stops() => Err(error),
            Err(error) => {
                tracing::error!(%site, %error, "an operator's action is in force and not yet on disk");
                slot.lock().apply(at_ms, &Record::Switch(switch.clone()));
                let site = site.clone();
                writer.pending.push(Pending { site, at_ms, action, reason, actor, switch: switch.clone() });
                Ok(Outcome { switch, written: false })
            }
        }
    }
}
