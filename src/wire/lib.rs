//! What OpenAI clients say and hear: the vocabulary of everything else.
//!
//! - [`api`]: which API, and the reading and writing of each;
//! - [`request`]: a request of any of them as the proxy needs to see it, and what a student may answer;
//! - [`chat`], [`responses`]: how each API puts requests and answers;
//! - [`tools`]: the functions that an answer may call; [`calls`]: what it calls, and the one text that stands for that;
//!   [`conversation`]: both in what was said before;
//! - [`answer`]: what an answer said; [`line`]: a conversation with its answer as training data;
//! - [`sse`]: the event-stream codec;
//! - [`error`]: OpenAI's four-key error body;
//! - [`model`]: the seam between those who ask for text and those who write it.
//!
//! No I/O, no clock, no chance, no runtime: time and ids are arguments.

mod answer;
mod api;
mod calls;
mod chat;
mod compact;
mod content;
mod conversation;
mod delivery;
pub mod error;
pub mod line;
mod logprobs;
mod model;
mod request;
mod responses;
pub mod sse;
mod tools;

pub use answer::{Called, CompletionSummary, Envelope, Spent, UsageDetails};
pub use api::Api;
pub use calls::{Call, Calls};
pub use delivery::Delivery;
pub use model::{
    Answer, Answering, ChatModel, Decoding, Finish, Form, Function, Ineligible, Logprob, ModelError, Prompt, Role,
    Sampling, Signals, TokenLogprob, ToolChoice, Tools, Turn, Usage,
};
pub use request::fields::RequestError;
pub use request::parameters::{ParameterRule, ParameterRules};
pub use request::{Opening, Request, may_be_kept};
pub use responses::continuing;

#[cfg(test)]
mod tests;
