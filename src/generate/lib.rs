//! Makers of training data: Self-Instruct, dialogue bootstrap and self-growth, self-play, AutoIF, levels.
//!
//! - [`run`]: what every maker works with: models asked through a journal, a money cap, the files of a run;
//! - [`item`]: one generated item with every decision about it; [`funnel`], [`report`]: what came of all;
//! - [`prompts`]: what models are asked, [`estimate`]: what that would cost; [`novelty`]: is a text new; [`refilter`]: other thresholds for a finished run;
//! - [`self_instruct`]: new writing tasks from seed tasks;
//! - [`bootstrap`], [`self_growth`]: scenes between players and characters ([`dialogue`]), by the teacher, then by the student;
//! - [`levels`]: game levels and their maps, by the teacher or the student;
//! - [`self_play`]: a student's answers with labels, for KTO;
//! - [`autoif`]: rules for answers, checked by functions that a model wrote.
//!
//! Makers ask through [`wire::ChatModel`] and judge by `verify`; a kept item becomes an exchange ([`exchange`]). Nothing here
//! knows a socket, a configuration file or which model it asks.

pub mod autoif;
pub mod bootstrap;
pub mod dialogue;
mod error;
pub mod estimate;
pub mod exchange;
mod facts;
pub mod funnel;
pub mod item;
pub mod levels;
mod limits;
mod meter;
pub mod novelty;
pub mod prompts;
mod records;
pub mod refilter;
pub mod report;
pub mod run;
pub mod self_growth;
pub mod self_instruct;
pub mod self_play;

pub use error::GenerateError;
pub use estimate::{Estimate, Planned};
pub use item::{Check, Item};
pub use report::Report;
pub use run::{Run, Start};

#[cfg(test)]
mod tests;
