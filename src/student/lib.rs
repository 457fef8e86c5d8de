//! Answers prompts locally: an exported Gemma 3 in ONNX Runtime, one LoRA adapter per call site.
//!
//! One session holds the base; adapters are bound beside it, so that any number of call sites share it. A thread owns it: it
//! reads prompts piece by piece and writes all answers together, a token of each in every run. A prompt waits in a bounded
//! queue and is given up when nobody waits for its answer. An [`Encoder`] beside them tells how near two texts are, an [`Nli`] whether one
//! contradicts the other. Only this member links ONNX Runtime.

mod adapter;
mod alone;
mod answer;
mod batch;
mod cache;
mod choices;
mod draft;
mod encoder;
mod encoder_text;
mod engine;
mod error;
mod forecast;
mod form;
mod format;
mod forming;
mod lane;
pub mod library;
mod load;
mod logprobs;
mod manifest;
mod mix;
mod model;
mod nli;
mod operators;
mod penalties;
mod prefix;
mod processor;
mod queue;
mod row;
mod runtime;
mod sampling;
mod scheduler;
mod serving;
mod session;
mod shortlist;
mod signals;
mod sites;
mod stop;
mod student;
mod tiles;
mod work;

pub use encoder::{Encoder, similarity};
pub use error::StudentError;
pub use load::{Observer, Round};
pub use nli::{Inference, Nli};
pub use packed::Kernel;
pub use processor::{best_format, kernel, kernel_name};
pub use runtime::Runtime;
pub use student::{Student, StudentConfig};

#[cfg(test)]
mod tests;
