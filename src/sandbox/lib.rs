//! Verifier functions that a model wrote, run where they can do no harm: in the small program `apprentice-verify`.
//!
//! This library is the parent's side. [`Pool`] keeps a few worker processes, hands a function and its inputs to one of
//! them and gets one [`Outcome`] for each input, whatever the function does: a worker that hangs or dies is an outcome
//! and a fresh worker, never an error of the pool. The interpreter is linked by the worker alone (`worker/`), and so is
//! its allocator. What an outcome leads to is not decided here.

mod error;
pub mod frame;
mod pool;
mod process;
pub mod protocol;
mod settings;
mod subset;

pub use error::SandboxError;
pub use pool::Pool;
pub use protocol::{Limits, Outcome, Protections};
pub use settings::{Settings, beside_current_exe};
pub use subset::SUBSET;

#[cfg(test)]
mod tests;
