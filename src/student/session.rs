//! How a graph is opened.

use std::path::Path;

use gemma::GraphManifest;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use packed::Kernel;
use parking_lot::Mutex;

use crate::cache::Shape;
use crate::{Runtime, StudentError, operators};

/// ONNX Runtime adds a domain of operators to a table of the process in two steps; sessions that do so at the same time fail now and then.
static OPENING: Mutex<()> = Mutex::new(());

/// Loads `graph` with `threads` threads for the inside of an operator; our own use `kernel`.
pub(crate) fn open(runtime: &Runtime, graph: &Path, threads: usize, kernel: Kernel) -> Result<Session, StudentError> {
    let _alone = OPENING.lock();
    let failed = |reason: String| StudentError::Graph { path: graph.to_path_buf(), reason };
    let options = options(runtime, threads).map_err(failed)?;
    let mut builder =
        options.with_operators(operators::domain(threads, kernel)?).map_err(|error| failed(error.to_string()))?;
    builder.commit_from_file(graph).map_err(|error| failed(error.to_string()))
}

/// The graph's sizes, with room for `capacity` tokens.
pub(crate) fn shape(manifest: &GraphManifest, capacity: usize) -> Shape {
    let GraphManifest { layers, kv_heads, head_dim, vocab, .. } = *manifest;
    let tiled_head = manifest.format.is_packed();
    Shape { layers, kv_heads, head_dim, vocab, capacity, tiled_head }
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
