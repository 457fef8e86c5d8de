//! What OpenAI clients say and hear: the vocabulary of everything else.
//!
//! No I/O, no clock, no chance, no runtime.

mod model;

pub use model::{Answer, ChatModel, Finish, ModelError, Prompt, Role, Sampling, Signals, Turn, Usage};
