//! The exported folder: `model.onnx`, `model.onnx.data`, `export.json`, `NOTICE`, and `genai_config.json` where others can run it; all of it
//! or nothing.

use std::path::{Path, PathBuf};

use fs_err as fs;
use gemma::{
    Config, GRAPH_DATA_FILE, GRAPH_FILE, GRAPH_MANIFEST_FILE, GraphFormat, GraphManifest, StoredFile, Weights,
};
use serde_json::{Value, json};

use crate::ExportError;
use crate::data::DataFile;
use crate::graph::Builder;
use crate::onnx::Graph;
use crate::whole::whole_folder;

/// Part of every fingerprint; raise it when the same base gives another graph.
const EXPORTER_VERSION: &str = "8";
/// Rows of the rotary tables, if the base allows more: 4 MiB a table at the 1B model's head size.
const POSITIONS_MAX: usize = 8192;
/// What the attention kernel wants of `head_dim` for its rotary embedding.
const HEAD_DIM_MULTIPLE: usize = 16;

/// Tokens of a prompt and its answer that the graph of a base takes.
#[must_use]
pub fn positions(config: &Config) -> usize {
    config.max_position_embeddings.min(POSITIONS_MAX)
}

/// An exported folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub dir: PathBuf,
    /// BLAKE3, in hex, of what it was made from.
    pub fingerprint: String,
    /// Length of the graph and its weights together, bytes.
    pub bytes: u64,
    /// False when the folder was there already, with the same content.
    pub written: bool,
}

/// Exports the base in `base` (Hugging Face's layout) to `out`, replacing what is there; does nothing when `out`
/// holds the same content already. A reader of `out` sees the old folder or the whole new one. Holds the
/// embedding and one projection in memory at a time.
///
/// # Errors
/// When a file cannot be read or written, when the weights do not fit `config.json`, or when the graph cannot
/// express the model.
pub fn export_base(base: &Path, out: &Path, format: GraphFormat) -> Result<Exported, ExportError> {
    let config = Config::load(base)?;
    if !config.head_dim.is_multiple_of(HEAD_DIM_MULTIPLE) {
        let problem = format!("head_dim is {} and must be a multiple of {HEAD_DIM_MULTIPLE}", config.head_dim);
        return Err(ExportError::Unsupported(problem));
    }
    let fingerprint = fingerprint(base, format)?;
    if let Some(bytes) = present(out, &fingerprint) {
        return Ok(Exported { dir: out.to_path_buf(), fingerprint, bytes, written: false });
    }
    let bytes = whole_folder(out, |dir| write_folder(base, dir, &config, format, &fingerprint))?;
    Ok(Exported { dir: out.to_path_buf(), fingerprint, bytes, written: true })
}

/// BLAKE3, in hex, of everything that the folder depends on.
fn fingerprint(base: &Path, format: GraphFormat) -> Result<String, ExportError> {
    let text = format!("{EXPORTER_VERSION} {format} {}", gemma::base_hash(base)?);
    Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
}

/// The length of the files in `out` if they have this fingerprint and are what was written.
fn present(out: &Path, fingerprint: &str) -> Option<u64> {
    let manifest: GraphManifest = serde_json::from_slice(&fs::read(out.join(GRAPH_MANIFEST_FILE)).ok()?).ok()?;
    let whole = manifest.fingerprint == fingerprint
        && manifest.graph.check(&out.join(GRAPH_FILE)).is_ok()
        && manifest.data.check(&out.join(GRAPH_DATA_FILE)).is_ok();
    whole.then_some(manifest.graph.bytes + manifest.data.bytes)
}

fn write_folder(
    base: &Path,
    dir: &Path,
    config: &Config,
    format: GraphFormat,
    fingerprint: &str,
) -> Result<u64, ExportError> {
    let weights = Weights::load(base)?;
    let mut builder = Builder {
        config,
        weights: &weights,
        format,
        graph: Graph::default(),
        data: DataFile::create(&dir.join(GRAPH_DATA_FILE))?,
        adapters: Vec::new(),
        positions: positions(config),
    };
    builder.gemma3()?;
    let Builder { graph, data, adapters, positions, .. } = builder;
    let graph = graph.into_bytes("gemma3");
    let manifest = GraphManifest {
        format,
        fingerprint: fingerprint.to_owned(),
        embed_scale: config.embed_scale,
        sliding_window: config.sliding_window,
        positions,
        layers: config.num_hidden_layers,
        kv_heads: config.num_key_value_heads,
        head_dim: config.head_dim,
        vocab: config.vocab_size,
        graph: StoredFile::of(&graph),
        data: data.finish()?,
        adapters,
    };
    files::replace(&dir.join(GRAPH_FILE), &graph)?;
    if !format.is_packed() {
        // What only the student can run says so by not being there for others.
        let config = serde_json::to_vec_pretty(&genai_config(config, positions))?;
        files::replace(&dir.join("genai_config.json"), &config)?;
    }
    files::replace(&dir.join("NOTICE"), notice(format).as_bytes())?;
    files::replace(&dir.join(GRAPH_MANIFEST_FILE), &serde_json::to_vec_pretty(&manifest)?)?;
    Ok(manifest.graph.bytes + manifest.data.bytes)
}

/// What whoever hands the folder on has to hand on with it, by the terms that Gemma comes under.
fn notice(format: GraphFormat) -> String {
    format!(
        "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms\n\n\
         These files were made from a Gemma 3 model's weights by Apprentice: as an ONNX graph, its numbers as {format}.\n"
    )
}

/// What onnxruntime-genai reads.
fn genai_config(config: &Config, positions: usize) -> Value {
    json!({
        "model": {
            "type": "gemma3_text",
            "vocab_size": config.vocab_size,
            "context_length": positions,
            "bos_token_id": config.bos_token_id,
            "eos_token_id": config.eos_token_ids,
            "pad_token_id": config.pad_token_id,
            "decoder": {
                "filename": GRAPH_FILE,
                "head_size": config.head_dim,
                "hidden_size": config.hidden_size,
                "num_attention_heads": config.num_attention_heads,
                "num_key_value_heads": config.num_key_value_heads,
                "num_hidden_layers": config.num_hidden_layers,
                "session_options": { "provider_options": [] },
                "inputs": {
                    "input_ids": "input_ids",
                    "attention_mask": "attention_mask",
                    "past_key_names": "past_key_values.%d.key",
                    "past_value_names": "past_key_values.%d.value",
                },
                "outputs": {
                    "logits": "logits",
                    "present_key_names": "present.%d.key",
                    "present_value_names": "present.%d.value",
                },
            },
        },
        "search": {
            "max_length": positions,
            "min_length": 0,
            "do_sample": false,
            "num_beams": 1,
            "temperature": 1.0,
            "top_k": 1,
            "top_p": 1.0,
            "repetition_penalty": 1.0,
            "past_present_share_buffer": true,
        },
    })
}
