//! A scored opinion of another model, asked through `wire::ChatModel`: which of two answers is better (blind, in
//! both orders), or how good one is by a rubric.
//!
//! Every call is paid from a daily budget that is never passed, a question is paid once, and [`Sentinel`] says how far
//! the judge itself can be trusted. What a verdict leads to is not decided here; no I/O, no clock, no chance: the
//! day is an argument, and what must outlive the process is handed out ([`Judge::spent`]).

mod budget;
mod cache;
mod error;
mod judge;
mod material;
mod preference;
mod reply;
mod rubric;
mod sentinel;
mod settings;

pub use budget::Spent;
pub use error::JudgeError;
pub use judge::Judge;
pub use material::{PAIRWISE_OPENING, RUBRIC_OPENING, prompt_version};
pub use preference::{Better, Outcome, Preference};
pub use rubric::{Rubric, Score};
pub use sentinel::{Agreement, Calibration, Case, Sentinel, calibrate, test_retest};
pub use settings::JudgeSettings;

#[cfg(test)]
mod tests;
