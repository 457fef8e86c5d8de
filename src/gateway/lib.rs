//! The data plane: what happens to a request.
//!
//! A request walks `listener` (accept) -> `handle` (which way) -> `chat` (whose call site, what plan) ->
//! `teacher` or `local` (the answer) -> `tee` (bytes out untouched, a copy kept) -> `after` (capture, audit).
//!
//! - The teacher's leg is bytes in, bytes out: nothing that either side said is written anew.
//! - Capture, comparing and learning never delay or fail an answer.
//! - Every queue, body and wait has a limit, named in [`limits`].
//!
//! Absent: model code (students come through [`Students`]), disks, training.

mod activity;
mod after;
mod audit;
mod chat;
mod config;
mod error;
mod handle;
mod in_flight;
pub mod limits;
mod listener;
mod local;
mod respond;
mod teacher;
mod tee;

use std::sync::Arc;

use handover::Dice;
use ledger::Ledger;
use telemetry::Metrics;
use wire::ChatModel;

pub use activity::Activity;
pub use audit::{Auditor, Audits};
pub use config::{Site, Sites, Teacher};
pub use error::GatewayError;
pub use listener::{Listeners, serve};

/// Opens the students that the ledger names.
pub trait Students: Send + Sync {
    /// The model of a published version; cheap when it was opened before.
    ///
    /// # Errors
    /// In words, when it cannot be opened.
    fn open(&self, site: &str, version: &str) -> Result<Arc<dyn ChatModel>, String>;
}

/// Everything a request may touch; one for all threads.
pub struct Gateway {
    pub teacher: Teacher,
    pub sites: Box<dyn Sites>,
    pub ledger: Arc<Ledger>,
    pub students: Arc<dyn Students>,
    /// Absent when capturing is switched off.
    pub capture: Option<capture::Capture>,
    pub auditor: Auditor,
    pub activity: Arc<Activity>,
    pub metrics: Arc<Metrics>,
    /// Throws the dice of one request.
    pub dice: Box<dyn Fn() -> Dice + Send + Sync>,
    /// Students that may answer at the same time; further requests wait a little, then go to the teacher.
    pub local_permits: Arc<tokio::sync::Semaphore>,
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
