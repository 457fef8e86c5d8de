//! `export.json`: what a reader of the folder must know that the graph does not say.

use serde::{Deserialize, Serialize};

/// Written beside `model.onnx`; the student reads it to know how to call the graph.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// `f32` or `i8row`.
    pub(crate) format: String,
    /// BLAKE3, in hex, of everything that the export was made from.
    pub(crate) fingerprint: String,
    /// The factor on the embedding that is built in: sqrt(hidden) in the checkpoint's own number format.
    pub(crate) embed_scale: f64,
    /// Tokens that a local layer sees, the current one included.
    pub(crate) sliding_window: usize,
    /// The longest context the graph can serve, in tokens.
    pub(crate) positions: usize,
    pub(crate) layers: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) vocab: usize,
    /// Length of `model.onnx` and of `model.onnx.data`, bytes.
    pub(crate) graph_bytes: u64,
    pub(crate) data_bytes: u64,
    /// Where LoRA goes in.
    pub(crate) adapters: Vec<Adapter>,
}

/// The pair of inputs that takes the LoRA of linears which are multiplied together.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Adapter {
    /// Weight names of the linears, in the order of their outputs.
    pub(crate) parts: Vec<String>,
    /// Input `[K, sum of ranks]`: the A's, transposed, side by side.
    pub(crate) a: String,
    /// Input `[sum of ranks, sum of outputs]`: the B's, transposed and scaled by alpha / rank, on the diagonal.
    pub(crate) b: String,
}
