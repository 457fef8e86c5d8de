//! The data plane: what happens to a request.
//!
//! A request walks `threads` (accept) -> `guard` and `keys` (who may ask) -> `handle` (which way) -> `chat` (or `pass`, untouched, or
//! `upgrade`, another protocol), which calls in order: `incoming` (the body), `call` (whose it is; `whose` where no one says, `repeats`
//! whether it came a moment ago), the ledger's plan, `student_leg` and `attempt` (the student), or `teacher_leg`; `tee` (bytes out
//! untouched, a copy kept, unpacked by `encoding`), `ending` (how a broken answer ends), `record` and `meter` (counted, captured),
//! `audit` (compared, later, in `audits`; recorded in `order`).
//!
//! - The teacher's leg is bytes in, bytes out: nothing that either side said is written anew.
//! - Capture, comparing and learning never delay or fail an answer.
//! - Every queue, body and wait has a limit, named in [`limits`].
//!
//! Absent: model code (students come through [`Students`]), disks, training.

mod activity;
mod attempt;
mod audit;
mod audits;
mod call;
mod chat;
mod continued;
mod early;
mod encoding;
mod ending;
mod error;
mod guard;
mod handle;
mod in_flight;
mod incoming;
mod judging;
mod keys;
pub mod limits;
mod lost;
mod meter;
mod order;
mod outages;
mod pass;
mod pulse;
mod reason;
mod record;
mod repeats;
mod respond;
mod sentinels;
mod span;
mod student_leg;
mod teacher_leg;
mod tee;
mod threads;
mod upgrade;
mod whose;

use std::sync::Arc;
use std::time::Duration;

use callsite::{SiteId, VersionId};
use capture::{Capture, Distillable};
use handover::Dice;
use ledger::Ledger;
use rules::LiveRules;
use telemetry::Metrics;
use wire::{ChatModel, Ineligible, ParameterRules, Prompt};

pub use activity::Activity;
pub use audit::{Auditor, Audits};
pub use continued::Continued;
pub use early::Early;
pub use error::GatewayError;
pub use guard::Guard;
pub use judging::{Judging, Opinion};
pub use keys::{Key, Keys};
pub use outages::Outages;
pub use pulse::Pulse;
pub use reason::Reason;
pub use record::{forget, release_early};
pub use repeats::Repeats;
pub use sentinels::Sentinels;
pub use span::{Span, Spans};
pub use threads::{Serving, serve};
pub use upgrade::Upgrades;
pub use whose::Callsites;

/// Opens the students that the ledger names.
pub trait Students: Send + Sync {
    /// Whether any version could be put this prompt; says yes as long as nothing is opened.
    ///
    /// # Errors
    /// Why not.
    fn accepts(&self, prompt: &Prompt) -> Result<(), Ineligible>;

    /// The model of a version that was opened before; never waits.
    fn opened(&self, site: &SiteId, version: &VersionId) -> Option<Arc<dyn ChatModel>>;

    /// The model of a published version. Blocking: the first time it is read from disk.
    ///
    /// # Errors
    /// In words, when it cannot be opened.
    fn open(&self, site: &SiteId, version: &VersionId) -> Result<Arc<dyn ChatModel>, String>;
}

/// How near two texts are, in [0, 1]; may take its time.
pub type Similarity = dyn Fn(&str, &str) -> f64 + Send + Sync;

/// Everything a request may touch; one for all threads.
pub struct Gateway {
    pub guard: Guard,
    pub keys: Keys,
    /// Largest request body that is read and understood; a larger one streams through.
    pub body_bytes_max: usize,
    pub connections: net::Limits,
    pub endpoint: teacher::Endpoint,
    /// What the teacher's models refuse: such a request is theirs to answer.
    pub parameters: ParameterRules,
    /// Whether the teacher's terms allow learning from its answers.
    pub distillable: Distillable,
    pub rules: LiveRules,
    pub callsites: Callsites,
    pub repeats: Repeats,
    pub early: Early,
    pub continued: Continued,
    pub ledger: Arc<Ledger>,
    pub students: Arc<dyn Students>,
    /// How long a student may take for an answer, its wait for a free place included.
    pub student_time: Duration,
    /// Absent when capturing is switched off or the store cannot be opened.
    pub capture: Option<Capture>,
    pub auditor: Auditor,
    /// How near two texts are, in [0, 1].
    pub similarity: Arc<Similarity>,
    /// Absent where none is configured.
    pub judge: Option<Arc<dyn Judging>>,
    pub sentinels: Sentinels,
    pub outages: Outages,
    pub upgrades: Upgrades,
    /// Whether the student of a handed-over site answers what the teacher cannot.
    pub offline_fallback: bool,
    pub activity: Arc<Activity>,
    pub prices: teacher::Prices,
    pub metrics: Arc<Metrics>,
    /// Who exports what every request was; absent where nobody asked for it.
    pub spans: Option<Arc<dyn Spans>>,
    /// Throws the dice of one request.
    pub dice: Box<dyn Fn() -> Dice + Send + Sync>,
    /// Unix time in milliseconds.
    pub clock: fn() -> u64,
}

#[cfg(test)]
mod tests;
