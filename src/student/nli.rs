//! Natural-language inference: does a hypothesis follow from a premise, contradict it, or neither?
//!
//! The folder is the operator's: a sequence classifier with three labels as an ONNX graph, beside its tokenizer and
//! configuration, such as an export of mDeBERTa-v3-base-xnli-multilingual-nli-2mil7. Blocks the thread that asks; no queue.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use gemma::GRAPH_FILE;
use ort::memory::MemoryInfo;
use ort::session::Session;
use ort::value::Tensor;
use parking_lot::Mutex;
use serde::Deserialize;
use tokenizers::{Tokenizer, TruncationParams};

use crate::session::options;
use crate::{Runtime, StudentError};

const IDS: &str = "input_ids";
const MASK: &str = "attention_mask";
/// Of the first and the second text.
const TYPES: &str = "token_type_ids";
/// `[batch, labels]`
const LOGITS: &str = "logits";
/// Judged once when a folder is opened.
const PROBE: (&str, &str) = ("Use at most ten words.", "Use no more than ten words.");
/// Both texts' ends and a word of each.
const POSITIONS_MIN: usize = 5;

/// How a hypothesis stands to its premise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inference {
    Entailment,
    Neutral,
    Contradiction,
}

/// An opened judge.
pub struct Nli {
    session: Mutex<Session>,
    tokenizer: Tokenizer,
    /// What each logit stands for.
    labels: [Inference; 3],
    takes_mask: bool,
    takes_types: bool,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    id2label: BTreeMap<String, String>,
    max_position_embeddings: Option<usize>,
    vocab_size: Option<usize>,
}

impl Nli {
    /// Opens `folder/model.onnx` with `tokenizer.json` and `config.json` beside it, on `threads` threads. The graph reads `input_ids` and, if
    /// it likes, `attention_mask` and `token_type_ids`; it gives `logits`, `[1, 3]`, whose labels `id2label` names: entailment, neutral and
    /// contradiction, in any order and any case.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the graph has other inputs, outputs or labels.
    pub fn open(runtime: &Runtime, folder: &Path, threads: usize) -> Result<Self, StudentError> {
        let path = folder.join(GRAPH_FILE);
        let bad = |reason: String| refused(&path, reason);
        // ONNX Runtime says it less plainly.
        fs_err::metadata(&path)?;
        let config = config(&folder.join("config.json"))?;
        let labels = labels(&config.id2label).map_err(|reason| refused(&folder.join("config.json"), reason))?;
        let tokenizer = tokenizer(&folder.join("tokenizer.json"), &config)?;
        let mut builder = options(runtime, threads).map_err(bad)?;
        let session = builder.commit_from_file(&path).map_err(|error| bad(error.to_string()))?;
        let inputs: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
        if !inputs.contains(&IDS) {
            return Err(bad(format!("the graph has no input `{IDS}` but {inputs:?}")));
        }
        if let Some(other) = inputs.iter().find(|name| ![IDS, MASK, TYPES].contains(name)) {
            return Err(bad(format!("the graph wants an input `{other}`, and there is nothing to give it")));
        }
        let outputs: Vec<&str> = session.outputs().iter().map(|output| output.name()).collect();
        if !outputs.contains(&LOGITS) {
            return Err(bad(format!("the graph has no output `{LOGITS}` but {outputs:?}")));
        }
        let (takes_mask, takes_types) = (inputs.contains(&MASK), inputs.contains(&TYPES));
        let nli = Self { session: Mutex::new(session), tokenizer, labels, takes_mask, takes_types };
        // A graph that does not go with its tokenizer or its labels is found here, not at the first pair.
        nli.logits(PROBE.0, PROBE.1).map_err(|error| bad(error.to_string()))?;
        Ok(nli)
    }

    /// The likeliest relation of the two texts. Together they are cut to the model's positions, the longer one first.
    ///
    /// # Errors
    /// When ONNX Runtime fails or gives numbers that are not finite.
    pub fn judge(&self, premise: &str, hypothesis: &str) -> Result<Inference, StudentError> {
        let logits = self.logits(premise, hypothesis)?;
        let largest = logits.iter().zip(self.labels).max_by(|left, right| left.0.total_cmp(right.0));
        Ok(largest.map_or(Inference::Neutral, |(_, label)| label))
    }

    /// In the graph's order.
    fn logits(&self, premise: &str, hypothesis: &str) -> Result<[f32; 3], StudentError> {
        let encoding = self.tokenizer.encode_fast((premise, hypothesis), true);
        let encoding = encoding.map_err(|error| StudentError::Runtime(format!("a pair has no tokens: {error}")))?;
        let row = |values: &[u32]| {
            let values: Vec<i64> = values.iter().map(|value| i64::from(*value)).collect();
            Tensor::from_array(([1, values.len()], values))
        };
        let mut session = self.session.lock();
        let mut binding = session.create_binding()?;
        binding.bind_input(IDS, &row(encoding.get_ids())?)?;
        if self.takes_mask {
            binding.bind_input(MASK, &row(encoding.get_attention_mask())?)?;
        }
        if self.takes_types {
            binding.bind_input(TYPES, &row(encoding.get_type_ids())?)?;
        }
        binding.bind_output_to_device(LOGITS, &MemoryInfo::default())?;
        let outputs = session.run_binding(&binding)?;
        let missing = || StudentError::Runtime(format!("the graph gave no `{LOGITS}`"));
        let (shape, values) = outputs.get(LOGITS).ok_or_else(missing)?.try_extract_tensor::<f32>()?;
        let logits: [f32; 3] = values.try_into().map_err(|_| {
            StudentError::Runtime(format!("the graph gave `{LOGITS}` of shape {shape:?} for one pair and three labels"))
        })?;
        if logits.iter().all(|logit| logit.is_finite()) {
            Ok(logits)
        } else {
            Err(StudentError::NotFinite(encoding.len()))
        }
    }
}

impl fmt::Debug for Nli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nli").field("labels", &self.labels).finish_non_exhaustive()
    }
}

fn config(path: &Path) -> Result<Config, StudentError> {
    serde_json::from_slice(&fs_err::read(path)?).map_err(|error| refused(path, error.to_string()))
}

/// What each logit stands for.
fn labels(named: &BTreeMap<String, String>) -> Result<[Inference; 3], String> {
    let of = |at: usize| {
        let name = named.get(&at.to_string()).map(|name| name.to_lowercase());
        match name.as_deref() {
            Some("entailment") => Ok(Inference::Entailment),
            Some("neutral") => Ok(Inference::Neutral),
            Some("contradiction") => Ok(Inference::Contradiction),
            _ => Err(()),
        }
    };
    let found = (of(0), of(1), of(2));
    match (found, named.len()) {
        ((Ok(first), Ok(second), Ok(third)), 3) if first != second && second != third && first != third => {
            Ok([first, second, third])
        }
        _ => {
            Err(format!("`id2label` is {named:?}, and must name entailment, neutral and contradiction for 0, 1 and 2"))
        }
    }
}

fn tokenizer(path: &Path, config: &Config) -> Result<Tokenizer, StudentError> {
    // The library's message names no file.
    fs_err::metadata(path)?;
    let bad = |error: tokenizers::Error| refused(path, error.to_string());
    let mut tokenizer = Tokenizer::from_file(path).map_err(bad)?;
    let words = tokenizer.get_vocab_size(true);
    if let Some(known) = config.vocab_size.filter(|known| *known < words) {
        return Err(refused(path, format!("it has {words} tokens and the model knows {known}")));
    }
    if let Some(positions) = config.max_position_embeddings {
        if positions < POSITIONS_MIN {
            return Err(refused(
                path,
                format!("the model takes {positions} positions, and {POSITIONS_MIN} is the least"),
            ));
        }
        let cut = TruncationParams { max_length: positions, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(cut)).map_err(bad)?;
    }
    tokenizer.with_padding(None);
    // A text that spells a control token is a text.
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}

fn refused(path: &Path, reason: String) -> StudentError {
    StudentError::Nli { path: PathBuf::from(path), reason }
}

#[cfg(test)]
mod tests;
