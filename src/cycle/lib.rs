//! When to learn, and one lesson from its first line to its verdict.
//!
//! - [`schedule`]: pure: is a lesson due at this site?
//! - [`lesson`]: one lesson as a folder of finished steps, so that a killed one goes on where it stopped;
//! - [`child`]: the processes that do the work, niced, outside the serving process;
//! - [`exam`]: what an exam asks and what came of it;
//! - [`run`]: the background loop; [`board`]: what it is doing, for people.
//!
//! Absent: candle, ONNX Runtime, sockets. A crash in a lesson is a line in the log.

pub mod board;
pub mod child;
mod config;
mod error;
pub mod exam;
pub mod lesson;
mod run;
pub mod schedule;

pub use board::{Board, Lesson};
pub use config::{Exam, Hyper, Lessons, Quiet};
pub use error::CycleError;
pub use run::{Cycle, Requests};

#[cfg(test)]
mod tests;
