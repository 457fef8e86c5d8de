//! The contract of an exported graph folder: its files, its forms, and what a reader must know besides.
//!
//! Shared by who writes the folder and who opens it; knows neither ONNX nor its runtime.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::GemmaError;

/// The graph's file in an exported folder.
pub const GRAPH_FILE: &str = "model.onnx";
/// The weights, beside it.
pub const GRAPH_DATA_FILE: &str = "model.onnx.data";
/// The [`GraphManifest`], beside both.
pub const GRAPH_MANIFEST_FILE: &str = "export.json";

/// How a graph's weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GraphFormat {
    /// Single precision: exact, and four times as large as the others.
    F32,
    /// 8-bit weights with a scale per output row and 8-bit activations with a scale per token; embedding and
    /// head, too. An x86 processor needs VNNI for it: older ones sum pairs of products in 16 bits, which saturates.
    I8Row,
    /// The same numbers with the weights stored as unsigned bytes around 128: exact on every processor, and
    /// slower than `I8Row` where that is exact.
    U8Row,
    /// 8-bit weights with a scale per 32 weights of a row; the activations become 8 bit by blocks of as many inside ONNX
    /// Runtime. An outlier spoils its own block only, so the error is a fraction of the others'. Exact on every processor.
    #[serde(rename = "i8b32")]
    I8Block,
}

impl GraphFormat {
    pub const ALL: [Self; 4] = [Self::F32, Self::I8Row, Self::U8Row, Self::I8Block];

    /// The name in the manifest, the configuration and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I8Row => "i8row",
            Self::U8Row => "u8row",
            Self::I8Block => "i8b32",
        }
    }
}

impl fmt::Display for GraphFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for GraphFormat {
    type Err = GemmaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| GemmaError::GraphFormat { found: text.to_owned() })
    }
}

/// What a reader of the folder must know that the graph does not say. Sizes are counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraphManifest {
    pub format: GraphFormat,
    /// BLAKE3, in hex, of everything that the export was made from.
    pub fingerprint: String,
    /// The factor on the embedding that is built in: sqrt(hidden) in the checkpoint's own number format.
    pub embed_scale: f64,
    /// Tokens that a local layer sees, the current one included.
    pub sliding_window: usize,
    /// The longest context the graph can serve, in tokens.
    pub positions: usize,
    pub layers: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub vocab: usize,
    /// Length of the graph's file and of its weights', bytes.
    pub graph_bytes: u64,
    pub data_bytes: u64,
    /// Where LoRA goes in.
    pub adapters: Vec<LoraInput>,
}

/// The pair of inputs that takes the LoRA of linears which the graph multiplies together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoraInput {
    /// Weight names of the linears, in the order of their outputs.
    pub parts: Vec<String>,
    /// Input `[K, sum of ranks]`: the A's, transposed, side by side.
    pub a: String,
    /// Input `[sum of ranks, sum of outputs]`: the B's, transposed and scaled by alpha / rank, on the diagonal.
    pub b: String,
    /// Input `[tokens, sum of ranks]`, a factor on what A gives: where adapters lie side by side in A and B, 1 in a token's
    /// own columns and 0 in the others'. By default 1 everywhere. Shared by all inputs of as many parts.
    pub mask: String,
}

#[cfg(test)]
mod tests;
