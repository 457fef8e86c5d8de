//! Answers prompts locally: an exported Gemma 3 in ONNX Runtime, one LoRA adapter per call site.
//!
//! The sessions hold the base once per worker; an adapter is bound for the length of one answer, so that
//! any number of call sites share them. A prompt waits in a bounded queue for one of the threads that own them
//! and is given up when nobody waits for its answer. An [`Encoder`] beside them tells how near two texts are, an [`Nli`] whether one
//! contradicts the other. Only this member links ONNX Runtime.

mod adapter;
mod answer;
mod decode;
mod encoder;
mod encoder_text;
mod engine;
mod error;
mod features;
pub mod library;
mod manifest;
mod model;
mod nli;
mod pool;
mod runtime;
mod sampling;
mod session;
mod signals;
mod stop;
mod student;

pub use encoder::{Encoder, similarity};
pub use error::StudentError;
pub use features::Features;
pub use nli::{Inference, Nli};
pub use runtime::Runtime;
pub use student::{Student, StudentConfig};

#[cfg(test)]
mod tests;
