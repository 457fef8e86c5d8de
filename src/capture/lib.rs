//! The exchange log: every request that the proxy passed on and what was answered.
//!
//! - [`record`]: an [`Exchange`]; `block`: its stored form; `users`: the hash of who asked; `redact`: what is taken out first;
//! - [`segments`]: the [`CaptureStore`] on disk: one `live` segment in a store, `sealed` ones as files that never change
//!   (`entries`, `sealing`), copies for others (`export`);
//! - [`queue`]: what serving code holds, bounded and never waiting; [`writer`]: the one thread that writes.
//!
//! Absent: keys, cookies and other headers never reach an exchange; nothing here serves or learns.

mod block;
mod directory;
mod entries;
mod error;
mod export;
pub mod limits;
mod live;
pub mod queue;
pub mod record;
mod redact;
mod sealed;
mod sealing;
mod segment;
pub mod segments;
mod summary;
mod users;
pub mod writer;

pub use error::CaptureError;
pub use queue::Capture;
pub use record::{Distillable, Exchange, Source};
pub use redact::{RedactRule, Redactor};
pub use segment::Damage;
pub use segments::export_sealed;
pub use segments::{
    Appended, CaptureStore, Erase, Erased, Overview, Retention, SegmentLimits, Segments, Subject, Today, Verified,
};
pub use summary::{SiteSummary, Sites, id_time_ms};
pub use users::UserHash;
pub use writer::{Writer, WriterSettings};

#[cfg(test)]
mod tests;
