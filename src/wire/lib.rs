//! What OpenAI clients say and hear: the vocabulary of everything else.
//!
//! - [`api`]: which API, and the reading and writing of each;
//! - [`chat`]: a chat request as the proxy needs to see it, and the rules by which a student may answer it;
//! - [`completion`]: what a teacher's answer said, and how a student's answer is put;
//! - [`sse`]: the event-stream codec;
//! - [`error`]: OpenAI's four-key error body;
//! - [`model`]: the seam between those who ask for text and those who write it.
//!
//! No I/O, no clock, no chance, no runtime: time and ids are arguments.

pub mod api;
pub mod chat;
pub mod completion;
mod delivery;
pub mod error;
mod model;
pub mod sse;

pub use api::Api;
pub use completion::{CompletionSummary, Envelope, UsageDetails};
pub use delivery::Delivery;
pub use model::{
    Answer, Answering, ChatModel, Finish, Ineligible, ModelError, Prompt, Role, Sampling, Signals, Turn, Usage,
};

#[cfg(test)]
mod tests;
