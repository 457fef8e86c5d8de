//! The exported folder: `model.onnx`, `model.onnx.data`, `genai_config.json`, `export.json`; all of it or nothing.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use gemma::{Config, Weights};
use serde_json::{Value, json};

use crate::data::DataFile;
use crate::graph::Builder;
use crate::manifest::Manifest;
use crate::onnx::{DATA_FILE, Graph};
use crate::{ExportError, fingerprint};

const GRAPH_FILE: &str = "model.onnx";
const MANIFEST_FILE: &str = "export.json";
/// Rows of the rotary tables, if the base allows more: 4 MiB a table at the 1B model's head size.
const MAX_POSITIONS: usize = 8192;
/// What the attention kernel wants of `head_dim` for its rotary embedding.
const HEAD_DIM_MULTIPLE: usize = 16;

/// How the weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Single precision: exact, and four times as large as `I8Row`.
    F32,
    /// 8-bit weights with a scale per output row and 8-bit activations with a scale per token; embedding and
    /// head, too. An x86 processor needs VNNI for it: older ones sum pairs of products in 16 bits, which saturates.
    I8Row,
}

impl Format {
    /// The name in `export.json` and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I8Row => "i8row",
        }
    }
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
pub fn export_base(base: &Path, out: &Path, format: Format) -> Result<Exported, ExportError> {
    let config = Config::load(base)?;
    if !config.head_dim.is_multiple_of(HEAD_DIM_MULTIPLE) {
        let problem = format!("head_dim is {} and must be a multiple of {HEAD_DIM_MULTIPLE}", config.head_dim);
        return Err(ExportError::Unsupported(problem));
    }
    let fingerprint = fingerprint::of(base, format)?;
    if let Some(bytes) = present(out, &fingerprint) {
        return Ok(Exported { dir: out.to_path_buf(), fingerprint, bytes, written: false });
    }
    let partial = sibling(out, "partial");
    remove_dir(&partial)?;
    fs::create_dir_all(&partial).map_err(ExportError::io("create", &partial))?;
    let written = write_folder(base, &partial, &config, format, &fingerprint).and_then(|bytes| {
        replace(&partial, out)?;
        Ok(bytes)
    });
    match written {
        Ok(bytes) => Ok(Exported { dir: out.to_path_buf(), fingerprint, bytes, written: true }),
        Err(error) => {
            // The first error is the one to report; what is left over is removed by the next export.
            fs::remove_dir_all(&partial).unwrap_or_default();
            Err(error)
        }
    }
}

/// The length of the files in `out` if they are whole and have this fingerprint.
fn present(out: &Path, fingerprint: &str) -> Option<u64> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(out.join(MANIFEST_FILE)).ok()?).ok()?;
    let whole = manifest.fingerprint == fingerprint
        && fs::metadata(out.join(GRAPH_FILE)).ok()?.len() == manifest.graph_bytes
        && fs::metadata(out.join(DATA_FILE)).ok()?.len() == manifest.data_bytes;
    whole.then_some(manifest.graph_bytes + manifest.data_bytes)
}

fn write_folder(
    base: &Path,
    dir: &Path,
    config: &Config,
    format: Format,
    fingerprint: &str,
) -> Result<u64, ExportError> {
    let weights = Weights::load(base)?;
    let mut builder = Builder {
        config,
        weights: &weights,
        format,
        graph: Graph::default(),
        data: DataFile::create(&dir.join(DATA_FILE))?,
        adapters: Vec::new(),
        positions: config.max_position_embeddings.min(MAX_POSITIONS),
        quantisation_written: false,
    };
    builder.gemma3()?;
    let Builder { graph, data, adapters, positions, .. } = builder;
    let graph = graph.into_bytes();
    let manifest = Manifest {
        format: format.name().to_owned(),
        fingerprint: fingerprint.to_owned(),
        embed_scale: config.embed_scale,
        sliding_window: config.sliding_window,
        positions,
        layers: config.num_hidden_layers,
        kv_heads: config.num_key_value_heads,
        head_dim: config.head_dim,
        vocab: config.vocab_size,
        graph_bytes: graph.len() as u64,
        data_bytes: data.finish()?,
        adapters,
    };
    write_file(&dir.join(GRAPH_FILE), &graph)?;
    write_file(&dir.join("genai_config.json"), &serde_json::to_vec_pretty(&genai_config(config, positions))?)?;
    write_file(&dir.join(MANIFEST_FILE), &serde_json::to_vec_pretty(&manifest)?)?;
    sync_dir(dir)?;
    Ok(manifest.graph_bytes + manifest.data_bytes)
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

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    let mut file = File::create_new(path).map_err(ExportError::io("create", path))?;
    file.write_all(bytes).map_err(ExportError::io("write", path))?;
    file.sync_all().map_err(ExportError::io("sync", path))
}

/// Puts `new` in the place of `out`. A folder cannot be renamed over a full one, so the old one steps aside first.
fn replace(new: &Path, out: &Path) -> Result<(), ExportError> {
    let old = sibling(out, "old");
    remove_dir(&old)?;
    if out.try_exists().map_err(ExportError::io("look for", out))? {
        fs::rename(out, &old).map_err(ExportError::io("move aside", out))?;
    }
    fs::rename(new, out).map_err(ExportError::io("put in place", out))?;
    if let Some(parent) = out.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_dir(parent)?;
    }
    remove_dir(&old)
}

/// A hidden name beside `out`, on the same file system.
fn sibling(out: &Path, suffix: &str) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.{suffix}"))
}

fn remove_dir(dir: &Path) -> Result<(), ExportError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ExportError::io("remove", dir)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sync_dir(dir: &Path) -> Result<(), ExportError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(ExportError::io("sync", dir))
}
