//! An exam: a version answers held-out prompts and is compared with the teacher's answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use verify::{Calibration, Features, Measure, VerifierSettings, confidence, thresholds};
use wire::Signals;

use crate::Served;

/// Exit code of an exam that could not be held now and may be later: the student's server does not take the adapter or
/// does not answer. The adapter is as good as before (`EX_UNAVAILABLE` of sysexits.h).
pub const WAITS: u8 = 69;

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
    /// Where the answers that were furthest from the teacher's are written, if anywhere.
    #[serde(default)]
    pub worst: Option<PathBuf>,
    pub onnxruntime: Option<PathBuf>,
    /// Folder of the sentence encoder that says how near two texts are; ROUGE-L without one.
    #[serde(default)]
    pub encoder: Option<PathBuf>,
    /// Tokens of prompt and answer together.
    pub context: usize,
    pub threads: usize,
    pub max_tokens: u32,
    pub measure: Measure,
    /// By the measure `similar`, answers below this are bad.
    pub bad_below: f64,
    pub verifiers: VerifierSettings,
    /// Who answers where this machine does not; graph, library, context and threads are of no use then.
    #[serde(default)]
    pub served: Option<Served>,
}

/// One answered prompt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// By the measure, in [0, 1]; 0 when a verifier refuses the answer. Where the measure needs what no exam has (a second
    /// answer of the teacher's, a judge), 1 for an answer that is not bad.
    pub quality: f64,
    pub bad: bool,
    pub signals: Signals,
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

    /// What turns signals into confidence, fitted on the exam's answers; `None` where these are too few or too much alike.
    #[must_use]
    pub fn calibration(&self) -> Option<Calibration> {
        let labelled: Vec<_> = self.scores.iter().map(|score| (Features::of(&score.signals), !score.bad)).collect();
        Calibration::fit(&labelled)
    }

    /// Confidence and quality of every answer.
    fn scored(&self, calibration: Option<&Calibration>) -> Vec<(f64, f64)> {
        self.scores.iter().map(|score| (confidence::of(&score.signals, calibration), score.quality)).collect()
    }

    /// The confidence thresholds to test.
    #[must_use]
    pub fn confidence_grid(&self, calibration: Option<&Calibration>) -> Vec<f64> {
        thresholds::grid(self.scored(calibration).into_iter().map(|(confidence, _)| confidence).collect())
    }

    /// The threshold of `grid` that the exam suggests.
    #[must_use]
    pub fn likely_threshold(&self, grid: &[f64], calibration: Option<&Calibration>, quality_min: f64) -> Option<f64> {
        thresholds::likely(grid, &self.scored(calibration), quality_min)
    }
}
