//! What OpenAI clients say and hear: the vocabulary of everything else.
//!
//! - [`api`]: which API, and the reading and writing of each;
//! - [`request`]: a request of any of them as the proxy needs to see it, and what a student may answer;
//! - [`chat`], [`responses`]: how each API puts requests and answers;
//! - [`answer`]: what an answer said;
//! - [`sse`]: the event-stream codec;
//! - [`error`]: OpenAI's four-key error body;
//! - [`model`]: the seam between those who ask for text and those who write it.
//!
//! No I/O, no clock, no chance, no runtime: time and ids are arguments.

mod answer;
mod api;
mod chat;
mod content;
mod delivery;
pub mod error;
mod logprobs;
mod model;
mod request;
mod responses;
pub mod sse;

pub use answer::{CompletionSummary, Envelope, Spent, UsageDetails};
pub use api::Api;
pub use delivery::Delivery;
pub use model::{
    Answer, Answering, ChatModel, Decoding, Finish, Form, Ineligible, Logprob, ModelError, Prompt, Role, Sampling,
    Signals, TokenLogprob, Turn, Usage,
};
pub use request::fields::RequestError;
pub use request::parameters::{ParameterRule, ParameterRules};
pub use request::{Opening, Request, may_be_kept};
pub use responses::continuing;

#[cfg(test)]
mod tests;
