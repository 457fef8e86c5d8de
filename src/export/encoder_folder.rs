//! An encoder's folder: the graph, its weights, and the base's small files that a reader needs beside it.

use std::path::Path;

use fs_err as fs;
use gemma::{GRAPH_DATA_FILE, GRAPH_FILE, GRAPH_MANIFEST_FILE, StoredFile, Weights};
use serde::{Deserialize, Serialize};

use crate::data::DataFile;
use crate::encoder::EncoderBuilder;
use crate::encoder_config::EncoderConfig;
use crate::onnx::Graph;
use crate::whole::whole_folder;
use crate::{ExportError, Exported};

/// Part of every fingerprint; raise it when the same base gives another graph.
const EXPORTER_VERSION: &str = "encoder-1";
/// Taken over as they are, where the base has them: shapes, words, how texts are cut and tokens pooled.
const SIDE_FILES: [&str; 7] = [
    "config.json",
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
];

/// What an unchanged folder is recognised by.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    fingerprint: String,
    graph: StoredFile,
    data: StoredFile,
}

/// Exports the encoder of BERT's kind in `base` (Hugging Face's layout) to `out`, replacing what is there; does nothing
/// when `out` holds the same content already. A reader of `out` sees the old folder or the whole new one. Single
/// precision; holds one tensor in memory at a time.
///
/// # Errors
/// When a file cannot be read or written, when the weights do not fit `config.json`, or when the model is none that
/// the graph can express.
pub fn export_encoder(base: &Path, out: &Path) -> Result<Exported, ExportError> {
    let config = EncoderConfig::load(base)?;
    if fs::canonicalize(out).is_ok_and(|out| fs::canonicalize(base).is_ok_and(|base| base == out)) {
        let problem = "the graph would replace its own base: name another folder".to_owned();
        return Err(ExportError::Encoder { path: out.to_path_buf(), problem });
    }
    let side = side_files(base)?;
    let fingerprint = fingerprint(base, &side)?;
    if let Some(bytes) = present(out, &fingerprint) {
        return Ok(Exported { dir: out.to_path_buf(), fingerprint, bytes, written: false });
    }
    let bytes = whole_folder(out, |dir| {
        for (name, content) in &side {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap_or(dir))?;
            files::replace(&path, content)?;
        }
        write_graph(base, dir, &config, &fingerprint)
    })?;
    Ok(Exported { dir: out.to_path_buf(), fingerprint, bytes, written: true })
}

/// Names and contents of the [`SIDE_FILES`] that are there.
fn side_files(base: &Path) -> Result<Vec<(&'static str, Vec<u8>)>, ExportError> {
    let mut found = Vec::new();
    for name in SIDE_FILES {
        match fs::read(base.join(name)) {
            Ok(content) => found.push((name, content)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    if !found.iter().any(|(name, _)| ["tokenizer.json", "vocab.txt"].contains(name)) {
        let problem = "neither tokenizer.json nor vocab.txt lies beside it".to_owned();
        return Err(ExportError::Encoder { path: base.join("config.json"), problem });
    }
    Ok(found)
}

fn fingerprint(base: &Path, side: &[(&str, Vec<u8>)]) -> Result<String, ExportError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(EXPORTER_VERSION.as_bytes()).update(gemma::base_hash(base)?.as_bytes());
    for (name, content) in side {
        hasher.update(name.as_bytes()).update(&(content.len() as u64).to_le_bytes()).update(content);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The length of the graph in `out` if it is whole and has this fingerprint.
fn present(out: &Path, fingerprint: &str) -> Option<u64> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(out.join(GRAPH_MANIFEST_FILE)).ok()?).ok()?;
    let whole = manifest.fingerprint == fingerprint
        && manifest.graph.check(&out.join(GRAPH_FILE)).is_ok()
        && manifest.data.check(&out.join(GRAPH_DATA_FILE)).is_ok();
    whole.then_some(manifest.graph.bytes + manifest.data.bytes)
}

fn write_graph(base: &Path, dir: &Path, config: &EncoderConfig, fingerprint: &str) -> Result<u64, ExportError> {
    let weights = Weights::load(base)?;
    let prefix = if weights.names().any(|name| name.starts_with("bert.")) { "bert." } else { "" };
    let data = DataFile::create(&dir.join(GRAPH_DATA_FILE))?;
    let mut builder = EncoderBuilder { config, weights: &weights, prefix, graph: Graph::default(), data };
    builder.bert()?;
    let EncoderBuilder { graph, data, .. } = builder;
    let graph = graph.into_bytes("bert");
    let manifest =
        Manifest { fingerprint: fingerprint.to_owned(), graph: StoredFile::of(&graph), data: data.finish()? };
    files::replace(&dir.join(GRAPH_FILE), &graph)?;
    files::replace(&dir.join(GRAPH_MANIFEST_FILE), &serde_json::to_vec_pretty(&manifest)?)?;
    Ok(manifest.graph.bytes + manifest.data.bytes)
}
