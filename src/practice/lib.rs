//! The practice world: three call sites of a small game, their teacher's answers, and the language that the practice base is made from.

pub mod corpus;
pub mod scene;

mod template;
mod words;
