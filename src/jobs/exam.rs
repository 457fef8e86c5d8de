//! An exam: a version answers held-out prompts and is compared with the teacher's answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use verify::{Comparison, VerifierSettings};

/// Thresholds that are tested per version at most.
const GRID_MAX: usize = 40;

/// What the exam process is told; paths are absolute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvalJob {
    pub base: PathBuf,
    /// Folder of the base's exported graph.
    pub graph: PathBuf,
    pub adapter: PathBuf,
    /// Chat lines that were not trained on.
    pub held_out: PathBuf,
    /// Where the [`EvalResult`] is written.
    pub out: PathBuf,
    pub onnxruntime: Option<PathBuf>,
    /// Tokens of prompt and answer together.
    pub context: usize,
    pub threads: usize,
    pub max_tokens: u32,
    pub comparison: Comparison,
    pub verifiers: VerifierSettings,
}

/// One answered prompt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Agreement with the teacher, in [0, 1]; 0 when a verifier refuses the answer.
    pub quality: f64,
    pub confidence: f64,
}

/// What came of an exam.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvalResult {
    pub scores: Vec<Score>,
    /// Held-out prompts that no student could be asked, such as ones beyond its context; not in `scores`.
    pub ineligible: u64,
    pub seconds: f64,
}

impl EvalResult {
    /// Mean quality; 0 for an empty exam.
    #[must_use]
    pub fn mean_quality(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "numbers of prompts")]
        let asked = self.scores.len().max(1) as f64;
        self.scores.iter().map(|score| score.quality).sum::<f64>() / asked
    }

    /// The confidence thresholds to test: the exam's quantiles, and 0 for "serve whatever it says".
    /// They come from data that no audit will see again, so the tests stay valid.
    #[must_use]
    pub fn confidence_grid(&self) -> Vec<f64> {
        let mut confidences: Vec<f64> = self.scores.iter().map(|score| score.confidence).collect();
        confidences.sort_by(f64::total_cmp);
        let quantile = |step: usize| confidences.get(step * confidences.len() / GRID_MAX).copied();
        let mut grid: Vec<f64> = (1..GRID_MAX).filter_map(quantile).collect();
        grid.push(0.0);
        grid.dedup();
        grid
    }
}
