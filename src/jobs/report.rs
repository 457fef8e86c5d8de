//! What a training run leaves beside its output: what it learnt from, with which arguments, and its loss curves.
//!
//! Two files, replaced whole at every evaluation, every checkpoint and the end: `OUT.report.json` is a [`TrainReport`],
//! `OUT.curve.svg` draws it. They lie beside the folder `out` and not in it, because what is in it is the adapter: a
//! version's name is the hash of its files, and no two runs take the same seconds.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Method, ObjectiveArguments, TrainingArguments};

const REPORT: &str = ".report.json";
const CURVE: &str = ".curve.svg";

/// Where the report of a run that writes `out` lies.
#[must_use]
pub fn report_path(out: &Path) -> PathBuf {
    beside(out, REPORT)
}

/// Where its curves lie.
#[must_use]
pub fn curve_path(out: &Path) -> PathBuf {
    beside(out, CURVE)
}

/// The curves that lie beside a report.
#[must_use]
pub fn curve_path_of(report: &Path) -> PathBuf {
    let name = report.file_name().unwrap_or_default().to_string_lossy();
    report.with_file_name(format!("{}{CURVE}", name.strip_suffix(REPORT).unwrap_or(&name)))
}

fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    out.with_file_name(name)
}

/// A run, as far as it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Why the run ended, in words; absent while it goes on, and in what a killed one left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    pub method: Method,
    pub base: PathBuf,
    /// BLAKE3 over the base's configuration and weights, hex.
    pub base_blake3: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<PathBuf>,
    pub train: DataReport,
    pub held_out: DataReport,
    pub arguments: TrainingArguments,
    /// What only `kto` and `dpo` follow.
    pub objective: ObjectiveArguments,
    /// Trained numbers.
    pub parameters: u64,
    /// Estimated peak of the memory.
    pub memory_mb: u64,
    /// Of the first epoch; the others are much the same.
    pub epoch: Tokens,
    /// Steps done, and how many there would be at most.
    pub steps: u64,
    pub steps_max: u64,
    /// Tokens of the examples that were learnt from so far, whether computed or shared.
    pub tokens: u64,
    /// Wall time, earlier parts of a resumed run included.
    pub seconds: f64,
    /// Processor time, all threads.
    #[serde(default)]
    pub processor_s: f64,
    /// Energy of the processor's packages while it went on, everything else on the machine included; absent where the kernel does not count it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_j: Option<f64>,
    pub tokens_per_s: f64,
    pub curve: Curve,
    /// The best evaluation: its parameters are what is written. It is one of the curve's.
    pub kept: Option<HeldOutPoint>,
}

/// One side of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataReport {
    pub path: PathBuf,
    /// BLAKE3 over the examples' tokens, hex: another file that says the same has the same.
    pub blake3: String,
    pub examples: u64,
    /// Examples that were longer than `max_tokens`.
    pub dropped: u64,
    /// Completion tokens that are held to the teacher's own probabilities.
    #[serde(default)]
    pub soft_targets: u64,
}

/// What data cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Of the examples.
    pub logical: u64,
    /// Of these go through the model: what examples have in common is computed once.
    pub computed: u64,
    /// Of these are learnt: completions.
    pub learnt: u64,
}

/// How a run went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Means over neighbouring steps, so that a long run has no longer a curve than a short one.
    pub train: Vec<LossPoint>,
    /// By evaluation.
    pub held_out: Vec<HeldOutPoint>,
}

/// The loss of some steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossPoint {
    /// The last of them; the first step is 1.
    pub step: u64,
    /// How many there are.
    pub steps: u64,
    /// Mean of what was minimised, each step's before its update.
    pub loss: f64,
}

/// One evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOutPoint {
    /// Steps done.
    pub step: u64,
    /// What is minimised: nats a completion token, or a preference objective's mean.
    #[serde(deserialize_with = "number_or_none")]
    pub loss: f64,
    /// Share of the (desirable) replies that greedy decoding gives exactly.
    pub exact: f64,
}

/// JSON has no word for what is not finite and says null.
fn number_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}
