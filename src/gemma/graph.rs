//! The contract of an exported graph folder: its files, its forms, and what a reader must know besides.
//!
//! Shared by who writes the folder and who opens it; knows neither ONNX nor its runtime.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::GemmaError;
use crate::stored::StoredFile;

/// The graph's file in an exported folder.
pub const GRAPH_FILE: &str = "model.onnx";
/// The weights, beside it.
pub const GRAPH_DATA_FILE: &str = "model.onnx.data";
/// The [`GraphManifest`], beside both.
pub const GRAPH_MANIFEST_FILE: &str = "export.json";

/// The domain of the student's own operators.
pub const OWN_DOMAIN: &str = "ai.apprentice";
/// The own operator that multiplies by packed blocks and adds LoRA.
pub const OWN_LINEAR: &str = "BlockLinear";
/// The own operator that multiplies by packed blocks for the wanted part of the outputs.
pub const OWN_HEAD: &str = "BlockHead";
/// The own operator between the two products of a gated layer.
pub const OWN_GATE: &str = "GatedGelu";
/// The own operator that cuts q, k and v apart and norms the heads.
pub const OWN_QKV_NORM: &str = "QkvNorm";
/// The own operator that norms a block's output, adds it to the residual stream, and norms that.
pub const OWN_ADD_NORM: &str = "NormAddNorm";
/// The own operator that looks up rows of packed 8-bit blocks.
pub const OWN_ROWS: &str = "BlockRows";

/// The input that says which tiles of the vocabulary are to have their logits computed; all of them where it is empty.
pub const HEAD_TILES: &str = "head_tiles";

/// How a graph's weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GraphFormat {
    /// Single precision: four times as large as the others.
    F32,
    /// 8-bit weights with a scale per 32 weights of a row; the activations become 8 bit by blocks of as many inside ONNX
    /// Runtime. Exact on every processor, and understood by whatever runs ONNX Runtime's own operators.
    #[serde(rename = "i8b32")]
    I8Block,
    /// The same blocks in the order that our own kernels (`packed`) read: only the student can run such a graph, and from the file as it
    /// lies there.
    #[serde(rename = "i8packed")]
    I8Packed,
    /// As `i8packed`, but the linears of the layers have 4 bits a weight, those that a lesson on a base packed as `q4_0` trains beside. Half the
    /// bytes of an answer's token; what it costs in quality is the lesson's to make good.
    #[serde(rename = "i4packed")]
    I4Packed,
}

impl GraphFormat {
    pub const ALL: [Self; 4] = [Self::F32, Self::I8Block, Self::I8Packed, Self::I4Packed];

    /// The name in the manifest, the configuration and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I8Block => "i8b32",
            Self::I8Packed => "i8packed",
            Self::I4Packed => "i4packed",
        }
    }

    /// Whether the weights are in the order of our own kernels, by our own operators.
    #[must_use]
    pub fn is_packed(self) -> bool {
        matches!(self, Self::I8Packed | Self::I4Packed)
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
    /// The graph's file, and its weights'.
    pub graph: StoredFile,
    pub data: StoredFile,
    /// Where LoRA goes in.
    pub adapters: Vec<LoraInput>,
}

/// The pair of inputs that takes the LoRA of linears which the graph multiplies together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoraInput {
    /// Weight names of the linears, in the order of their outputs.
    pub parts: Vec<String>,
    /// Input `[K, sum of ranks]`: the A's, transposed, side by side. Where the format is a packed one, `[sum of ranks, K]`.
    pub a: String,
    /// Input `[sum of ranks, sum of outputs]`: the B's, transposed and scaled by alpha / rank, on the diagonal. Where the format is
    /// a packed one, `[tiles, rank, 16]` without the zeros: of sixteen outputs at a time, a rank's factors beside each other.
    pub b: String,
    /// Input `[tokens, sum of ranks]`, a factor on what A gives: where adapters lie side by side in A and B, 1 in a token's
    /// own columns and 0 in the others'. By default 1 everywhere. Shared by all inputs of as many parts.
    pub mask: String,
}

#[cfg(test)]
mod tests;
