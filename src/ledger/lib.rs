//! The live hand-over state of every call site, and the append-only log it is replayed from.
//!
//! Evidence and promotions are on disk before they take effect; a rollback takes effect first and is written
//! as soon as it can be. While the log cannot be opened or written every site is with the teacher. Planning a
//! request only reads memory. Time and dice are arguments.
//!
//! - `ledger`: the sites in memory, and the one way in which a record is written and takes effect;
//! - `operate`, `serving`: what persons, audits, lessons and serving threads say;
//! - `places`, `waiting`: who gets one of the bounded places;
//! - `recover`: opening, damage, retrying;
//! - `view`: how a site stands; `control`, `file_log`: where the log lies, `proof`: whether it is whole.

mod control;
mod error;
mod file_log;
mod heads;
mod ledger;
mod operate;
mod places;
mod proof;
mod rate;
mod recalibrate;
mod recover;
mod sealed;
mod serving;
mod table;
mod view;
mod waiting;

pub use error::LedgerError;
pub use ledger::Ledger;
pub use operate::Outcome;
pub use rate::RatingRequest;
pub use table::SITES_MAX;
pub use view::{ChallengerView, SiteView, StepView};

#[cfg(test)]
mod tests;
