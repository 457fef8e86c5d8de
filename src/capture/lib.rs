//! The exchange log: every request that the proxy passed on and what was answered.
//!
//! - [`record`]: an [`Exchange`] and its stored form;
//! - [`segments`]: the [`CaptureStore`] on disk, one small database per slice of time;
//! - [`writer`]: the one thread that writes, fed by a bounded queue that never blocks traffic.
//!
//! Absent: keys, cookies and other headers never reach an exchange; nothing here serves or learns.

mod error;
pub mod record;
pub mod segments;
pub mod writer;

pub use error::CaptureError;
pub use record::{Distillable, Exchange, Source};
pub use segments::{CaptureStore, Segments};
pub use writer::{Capture, Writer};

#[cfg(test)]
mod tests;
