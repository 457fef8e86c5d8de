//! Writes a Gemma 3 base as an ONNX folder: the graph, its weights in one external file, and what a
//! reader must know. One graph serves every call site, because LoRA's A and B are inputs of it.
//!
//! Neither candle nor ONNX Runtime is linked here: the graph is protobuf written by hand.

mod attention;
mod data;
mod embedding;
mod error;
mod folder;
mod graph;
mod head;
mod linear;
mod mlp;
mod onnx;
mod protobuf;
mod quantize;

pub use error::ExportError;
pub use folder::{Exported, export_base};

#[cfg(test)]
mod tests;
