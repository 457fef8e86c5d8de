//! Writes a Gemma 3 base as an ONNX folder: the graph, its weights in one external file, and what a
//! reader must know. One graph serves every call site, because LoRA's A and B are inputs of it.
//!
//! And a sentence encoder of BERT's kind in the same form (`encoder`), for comparing texts by meaning.
//!
//! Neither candle nor ONNX Runtime is linked here: the graph is protobuf written by hand.

mod attention;
mod data;
mod embedding;
mod encoder;
mod encoder_config;
mod encoder_folder;
mod error;
mod folder;
mod graph;
mod head;
mod linear;
mod mlp;
mod onnx;
mod protobuf;
mod quantize;
mod whole;

pub use encoder_folder::export_encoder;
pub use error::ExportError;
pub use folder::{Exported, export_base, positions};

#[cfg(test)]
mod tests;
