//! One worker: a session with its own copy of the packed weights and its own key-value cache.

use std::path::Path;

use gemma::GraphManifest;
use ort::logging::LogLevel;
use ort::memory::Allocator;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::Tensor;

use crate::{Runtime, StudentError};

/// Decodes one answer at a time.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) session: Session,
    pub(crate) cache: Vec<CacheTensor>,
    /// `[1, 1, vocab]`: the newest token's logits.
    pub(crate) logits: Tensor<f32>,
    /// Tokens that the cache holds.
    pub(crate) capacity: usize,
    pub(crate) vocab: usize,
}

/// Keys or values of a layer, `[1, kv_heads, capacity, head_dim]`: bound as past and as present at once,
/// which makes the graph append in place. What lies behind the current length is never read.
#[derive(Debug)]
pub(crate) struct CacheTensor {
    pub(crate) past: String,
    pub(crate) present: String,
    pub(crate) tensor: Tensor<f32>,
}

impl Worker {
    /// Loads `graph` with `threads` threads for the inside of an operator and room for `capacity` tokens.
    pub(crate) fn open(
        runtime: &Runtime,
        graph: &Path,
        manifest: &GraphManifest,
        threads: usize,
        capacity: usize,
    ) -> Result<Self, StudentError> {
        let failed = |reason: String| StudentError::Graph { path: graph.to_path_buf(), reason };
        let mut builder = options(runtime, threads).map_err(failed)?;
        let session = builder.commit_from_file(graph).map_err(|error| failed(error.to_string()))?;
        let allocator = Allocator::default();
        let mut cache = Vec::with_capacity(manifest.layers * 2);
        for layer in 0..manifest.layers {
            for part in ["key", "value"] {
                cache.push(CacheTensor {
                    past: format!("past_key_values.{layer}.{part}"),
                    present: format!("present.{layer}.{part}"),
                    tensor: Tensor::new(&allocator, [1, manifest.kv_heads, capacity, manifest.head_dim])?,
                });
            }
        }
        let logits = Tensor::new(&allocator, [1, 1, manifest.vocab])?;
        Ok(Self { session, cache, logits, capacity, vocab: manifest.vocab })
    }
}

/// How every session here is opened: `threads` threads inside an operator, all optimisations.
pub(crate) fn options(runtime: &Runtime, threads: usize) -> Result<SessionBuilder, String> {
    let text = |error: ort::Error<SessionBuilder>| error.to_string();
    let builder = Session::builder(&runtime.environment).map_err(|error| error.to_string())?;
    builder
        .with_intra_threads(threads)
        .map_err(text)?
        // Spinning threads would burn the cores that the proxy needs: 1.7 times the processor time per token.
        .with_intra_op_spinning(false)
        .map_err(text)?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(text)?
        // Below errors, it reports each LoRA input that has a default.
        .with_log_level(LogLevel::Error)
        .map_err(text)
}
