//! When to learn, and one lesson from its first line to its verdict.
//!
//! - [`schedule`]: pure: is a lesson due at this site, and which is next?
//! - `run`: the background loop; `folder`: one lesson as a folder of finished steps;
//! - `lesson`: the walk through those steps; [`child`]: the processes that do the work, niced;
//! - `pace`, `oversight`: a lesson stands still while the proxy is busy, and ends in good order with the program;
//! - `erase`: what lessons keep of exchanges that were erased;
//! - `retention`: what finished lessons leave behind; [`status`]: what the cycle is doing, for people.
//!
//! Absent: candle, ONNX Runtime, sockets. A crash in a lesson is a line in the log.

pub mod child;
mod erase;
mod error;
mod folder;
mod lesson;
mod oversight;
mod pace;
mod retention;
mod run;
pub mod schedule;
mod settings;
pub mod status;

pub use erase::{Drawing, ErasedLessons, Gone, erase};
pub use error::CycleError;
pub use lesson::{LessonRunner, StudentPaths};
pub use oversight::Surroundings;
pub use run::{Cycle, LessonRequests};
pub use settings::{LessonSettings, Pause, Quiet};
pub use status::{LessonFile, LessonRecord, LessonStatus, LessonStep, LessonView};

#[cfg(test)]
mod tests;
