//! `export.json` as the student reads it: how to call the graph beside it.

use std::path::Path;

use gemma::Config;
use serde::Deserialize;

use crate::StudentError;

/// What the exporter says about the graph. Sizes are counts.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Manifest {
    /// `f32` or `i8row`.
    pub(crate) format: String,
    /// The longest context the graph can serve, in tokens.
    pub(crate) positions: usize,
    pub(crate) layers: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) vocab: usize,
    pub(crate) adapters: Vec<Slot>,
}

/// The two inputs that take the LoRA of linears which the graph multiplies together.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Slot {
    /// Weight names of the linears, in the order of their outputs.
    pub(crate) parts: Vec<String>,
    pub(crate) a: String,
    pub(crate) b: String,
}

impl Manifest {
    /// Reads the file beside `graph` and checks that the graph was made from `base`.
    pub(crate) fn load(graph: &Path, base: &Config) -> Result<Self, StudentError> {
        let path = graph.with_file_name("export.json");
        let bytes = std::fs::read(&path).map_err(|source| StudentError::Read { path: path.clone(), source })?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| StudentError::Manifest { path, reason: error.to_string() })?;
        let pairs = [
            ("the number of layers", manifest.layers, base.num_hidden_layers),
            ("the number of key-value heads", manifest.kv_heads, base.num_key_value_heads),
            ("the head size", manifest.head_dim, base.head_dim),
            ("the vocabulary", manifest.vocab, base.vocab_size),
        ];
        match pairs.into_iter().find(|(_, graph, base)| graph != base) {
            Some((what, graph, base)) => Err(StudentError::OtherBase { what, graph, base }),
            None => Ok(manifest),
        }
    }

    /// Refuses 8-bit weights where they are not added up exactly.
    pub(crate) fn check_processor(&self, exact_sums: bool) -> Result<(), StudentError> {
        if self.format == "i8row" && !exact_sums { Err(StudentError::Processor) } else { Ok(()) }
    }
}

/// Whether products of unsigned and signed bytes are summed in 32 bits. An x86 processor without VNNI adds pairs
/// of them in 16 bits first, and two large pairs saturate without a word.
pub(crate) fn exact_sums() -> bool {
    #[cfg(target_arch = "x86_64")]
    let exact = std::is_x86_feature_detected!("avx512vnni") || std::is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    let exact = true;
    exact
}
