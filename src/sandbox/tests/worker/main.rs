//! The pool with its real worker program.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test program fails by panicking")]

mod agreement;
mod common;
mod confinement;
mod containment;
mod pool;
mod refusals;
mod subset;
