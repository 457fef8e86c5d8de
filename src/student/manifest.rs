//! Opening an exported folder's manifest: it must be of this base, and the files beside it must be what was written.

use std::path::Path;

use gemma::{Config, GRAPH_DATA_FILE, GRAPH_MANIFEST_FILE, GraphManifest};

use crate::StudentError;

/// Reads the manifest beside `graph` and checks that the graph was made from `base` and that nothing has happened to its files.
pub(crate) fn load(graph: &Path, base: &Config) -> Result<GraphManifest, StudentError> {
    let path = graph.with_file_name(GRAPH_MANIFEST_FILE);
    let bytes = fs_err::read(&path)?;
    let manifest: GraphManifest =
        serde_json::from_slice(&bytes).map_err(|error| StudentError::Manifest { path, reason: error.to_string() })?;
    let pairs = [
        ("the number of layers", manifest.layers, base.num_hidden_layers),
        ("the number of key-value heads", manifest.kv_heads, base.num_key_value_heads),
        ("the head size", manifest.head_dim, base.head_dim),
        ("the vocabulary", manifest.vocab, base.vocab_size),
    ];
    if let Some((what, graph, base)) = pairs.into_iter().find(|(_, graph, base)| graph != base) {
        return Err(StudentError::OtherBase { what, graph, base });
    }
    // Weights of which a bit is another would go on to answer, and wrongly.
    manifest.graph.check(graph)?;
    manifest.data.check(&graph.with_file_name(GRAPH_DATA_FILE))?;
    Ok(manifest)
}
