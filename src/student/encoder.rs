//! Sentence embeddings: a text to one vector of length 1, near another's if they mean the same.
//!
//! The folder is the operator's: our own export of a BERT (`export::export_encoder`), or any ONNX encoder beside its
//! tokenizer. Blocks the thread that asks; no queue, no cache.

use std::fmt;
use std::path::Path;

use gemma::GRAPH_FILE;
use ort::memory::MemoryInfo;
use ort::session::Session;
use ort::value::Tensor;
use parking_lot::Mutex;

use crate::encoder_text::{Pooling, TextSide};
use crate::session::options;
use crate::{Runtime, StudentError};

/// Threads inside an operator: comparing runs beside the traffic and must leave it the cores.
const THREADS: usize = 1;
/// Embedded once when a folder is opened.
const PROBE: &str = "How much is the rope?";
const IDS: &str = "input_ids";
const MASK: &str = "attention_mask";
/// Of the first and the second text of a pair; here always the first.
const TYPES: &str = "token_type_ids";
/// A vector for every token, `[batch, sequence, hidden]`: pooled here.
const HIDDEN: &str = "last_hidden_state";
/// A vector for the text, `[batch, hidden]`: pooled by the graph.
const SENTENCE: &str = "sentence_embedding";

/// An opened encoder.
pub struct Encoder {
    session: Mutex<Session>,
    text: TextSide,
    /// Whether the graph asks for [`TYPES`].
    takes_types: bool,
    /// [`SENTENCE`] where the graph gives it, else [`HIDDEN`].
    output: &'static str,
}

impl Encoder {
    /// Opens `folder/model.onnx` with the tokenizer beside it (`tokenizer.json`, else `vocab.txt` of BERT's kind). The graph
    /// reads `input_ids`, `attention_mask` and, if it likes, `token_type_ids`; it gives `sentence_embedding` or
    /// `last_hidden_state`.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the graph has other inputs or outputs.
    pub fn open(runtime: &Runtime, folder: &Path) -> Result<Self, StudentError> {
        let path = folder.join(GRAPH_FILE);
        let bad = |reason: String| StudentError::Encoder { path: path.clone(), reason };
        // ONNX Runtime says it less plainly.
        fs_err::metadata(&path)?;
        let text = TextSide::load(folder)?;
        let mut builder = options(runtime, THREADS).map_err(bad)?;
        let session = builder.commit_from_file(&path).map_err(|error| bad(error.to_string()))?;
        let inputs: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
        let outputs: Vec<&str> = session.outputs().iter().map(|output| output.name()).collect();
        if let Some(missing) = [IDS, MASK].into_iter().find(|name| !inputs.contains(name)) {
            return Err(bad(format!("the graph has no input `{missing}` but {inputs:?}")));
        }
        if let Some(other) = inputs.iter().find(|name| ![IDS, MASK, TYPES].contains(name)) {
            return Err(bad(format!("the graph wants an input `{other}`, and there is nothing to give it")));
        }
        let output = [SENTENCE, HIDDEN].into_iter().find(|name| outputs.contains(name));
        let output = output.ok_or_else(|| {
            bad(format!("the graph has neither an output `{SENTENCE}` nor `{HIDDEN}` but {outputs:?}"))
        })?;
        let takes_types = inputs.contains(&TYPES);
        let encoder = Self { session: Mutex::new(session), text, takes_types, output };
        // A graph that does not go with its tokenizer is found here, not at the first comparison.
        encoder.embed(&[PROBE]).map_err(|error| bad(error.to_string()))?;
        Ok(encoder)
    }

    /// A vector of length 1 for each text. A text that is longer than the encoder's positions (or its
    /// `max_seq_length`) is cut there: what follows has no part in the vector. Each text is computed by itself, so that its
    /// vector does not depend on its neighbours.
    ///
    /// # Errors
    /// When ONNX Runtime fails or gives numbers that are not finite.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, StudentError> {
        texts.iter().map(|text| self.vector(&self.text.ids(text)?)).collect()
    }

    /// Tokens of a text that are read, the two at its ends included.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.text.limit
    }

    fn vector(&self, ids: &[i64]) -> Result<Vec<f32>, StudentError> {
        let mask = vec![1; ids.len()];
        let (width, values) = self.run(ids, &mask)?;
        let pooled = match (self.output, self.text.pooling) {
            (HIDDEN, Pooling::Mean) => mean(&values, width, &mask),
            _ => values.into_iter().take(width).collect(),
        };
        normalised(pooled).ok_or(StudentError::NotFinite(ids.len()))
    }

    /// The graph's output for one text, row by row, and the width of a row.
    fn run(&self, ids: &[i64], mask: &[i64]) -> Result<(usize, Vec<f32>), StudentError> {
        let mut session = self.session.lock();
        let mut binding = session.create_binding()?;
        let row = |values: &[i64]| Tensor::from_array(([1, values.len()], values.to_vec()));
        binding.bind_input(IDS, &row(ids)?)?;
        binding.bind_input(MASK, &row(mask)?)?;
        if self.takes_types {
            binding.bind_input(TYPES, &row(&vec![0; ids.len()])?)?;
        }
        binding.bind_output_to_device(self.output, &MemoryInfo::default())?;
        let outputs = session.run_binding(&binding)?;
        let missing = || StudentError::Runtime(format!("the graph gave no `{}`", self.output));
        let (shape, values) = outputs.get(self.output).ok_or_else(missing)?.try_extract_tensor::<f32>()?;
        let width = shape.last().and_then(|width| usize::try_from(*width).ok()).unwrap_or_default();
        let rows = if self.output == HIDDEN { ids.len() } else { 1 };
        if width == 0 || values.len() != rows * width {
            let problem = format!("the graph gave `{}` of shape {shape:?} for {} tokens", self.output, ids.len());
            return Err(StudentError::Runtime(problem));
        }
        Ok((width, values.to_vec()))
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("output", &self.output).field("text", &self.text.limit).finish_non_exhaustive()
    }
}

/// How near two embeddings are: their cosine, in [0, 1]. Less than nothing in common is nothing in common; so is a vector
/// of zeros or of another encoder's length.
#[must_use]
pub fn similarity(left: &[f32], right: &[f32]) -> f64 {
    if left.len() != right.len() {
        return 0.0;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let cosine = dot(left, right) / (dot(left, left) * dot(right, right)).sqrt();
    if cosine.is_finite() { cosine.clamp(0.0, 1.0) } else { 0.0 }
}

/// The mean of the rows that the mask leaves in.
fn mean(rows: &[f32], width: usize, mask: &[i64]) -> Vec<f32> {
    let mut sum = vec![0.0_f32; width];
    let mut count = 0.0_f32;
    for (row, _) in rows.chunks(width.max(1)).zip(mask).filter(|(_, mask)| **mask != 0) {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        count += 1.0;
    }
    sum.iter().map(|sum| sum / count.max(1.0)).collect()
}

/// `vector` at length 1, unless it holds what is no number; a vector of zeros stays one.
fn normalised(vector: Vec<f32>) -> Option<Vec<f32>> {
    /// Below it a vector has no direction (PyTorch's `normalize`).
    const LENGTH_MIN: f32 = 1e-12;
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    length.is_finite().then(|| vector.iter().map(|value| value / length.max(LENGTH_MIN)).collect())
}

#[cfg(test)]
mod tests;
