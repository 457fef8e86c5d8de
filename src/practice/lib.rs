//! The practice world: a small game with five call sites, its teacher and its players.
//!
//! - [`scene`]: what is asked and what the teacher answers; [`corpus`]: the language the practice base is made from; [`pairs`]: a lesson's files;
//! - [`teacher`]: the teacher as an OpenAI-compatible server, which judges (`judging`) and makes training data (`making`) too; [`traffic`]: the players; [`report`]: their figures.
//!
//! Nothing outside this member, configuration and data knows that it is practice.

mod bard;
mod client;
pub mod corpus;
mod error;
mod judging;
mod making;
pub mod pairs;
pub mod report;
pub mod scene;
pub mod teacher;
mod template;
pub mod traffic;
mod voice;
mod words;

pub use client::{Client, Reply};
pub use error::PracticeError;
