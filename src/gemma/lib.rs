//! Facts about Gemma 3 that training, export and serving must agree on: shapes, tensor names, files, chat format.
//!
//! Knows no tensor library and no inference engine: numbers come out as plain `f32`.

mod chat;
mod config;
mod error;
mod names;
mod peft;
mod tokenizer;
mod weights;

pub use chat::{Example, example_ids, normalise, prompt_ids};
pub use config::{Config, LayerKind};
pub use error::GemmaError;
pub use names::{EMBEDDING, FINAL_NORM, Linear, Norm};
pub use peft::{Adapter, Pair};
pub use tokenizer::{Detokenizer, Special, Tokenizer};
pub use weights::{SaveAs, Tensor32, Weights};
