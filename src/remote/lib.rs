//! Students on a server of their own: an OpenAI-compatible one with GPUs, asked over HTTP.
//!
//! The base lies there; this machine keeps the adapters and says which one answers. Two servers are known:
//!
//! - [`Protocol::Vllm`]: adapters are pushed while it runs (`POST /v1/load_lora_adapter`), each under a name with its
//!   content hash in it, and an answer asks for that name;
//! - [`Protocol::LlamaCpp`]: adapters are given when it starts (`--lora`), and an answer chooses one by its number.
//!
//! [`Remote`] is the server, [`Remote::model`] an adapter on it as a [`wire::ChatModel`]. It has a thread of its own for
//! its connections, so that any runtime may ask it. Trains nothing and keeps nothing.

mod adapter;
mod answer;
mod body;
mod error;
mod llama_cpp;
mod model;
mod server;
mod settings;
mod signals;
mod vllm;
mod worker;

pub use error::RemoteError;
pub use model::Remote;
pub use settings::{Folders, Load, Observer, Protocol, RemoteSettings};

#[cfg(test)]
mod tests;
