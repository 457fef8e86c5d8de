//! An exam: a version answers held-out prompts and is compared with the teacher's answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use verify::{Calibration, Measure, VerifierSettings};
use wire::Signals;

/// Thresholds that are tested per version at most.
const GRID_MAX: usize = 40;
/// How far beyond what is asked for, as a part of what is left to 1, an exam must come to suggest a threshold.
const LIKELY_MARGIN: f64 = 0.25;

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
        let labelled: Vec<_> = self.scores.iter().map(|score| (score.signals, !score.bad)).collect();
        Calibration::fit(&labelled)
    }

    /// Confidence and quality of every answer, the surest last.
    fn by_confidence(&self, calibration: Option<&Calibration>) -> Vec<(f64, f64)> {
        let confidence = |signals: &Signals| match calibration {
            Some(calibration) => calibration.confidence(signals),
            None => verify::confidence::confidence(signals),
        };
        let mut scores: Vec<_> = self.scores.iter().map(|score| (confidence(&score.signals), score.quality)).collect();
        scores.sort_by(|left, right| left.0.total_cmp(&right.0));
        scores
    }

    /// The confidence thresholds to test: the exam's quantiles, and 0 for "serve whatever it says".
    /// They come from data that no audit will see again, so the tests stay valid.
    #[must_use]
    pub fn confidence_grid(&self, calibration: Option<&Calibration>) -> Vec<f64> {
        let confidences: Vec<f64> =
            self.by_confidence(calibration).into_iter().map(|(confidence, _)| confidence).collect();
        let quantile = |step: usize| confidences.get(step * confidences.len() / GRID_MAX).copied();
        let mut grid: Vec<f64> = (1..GRID_MAX).filter_map(quantile).collect();
        grid.push(0.0);
        grid.dedup();
        grid
    }

    /// The loosest threshold of `grid` above which the exam's answers were clearly better than `quality_min`: where the
    /// hand-over's walk begins with most of its error budget. The strictest where there is none.
    #[must_use]
    pub fn likely_threshold(&self, grid: &[f64], calibration: Option<&Calibration>, quality_min: f64) -> Option<f64> {
        let wanted = quality_min + (1.0 - quality_min) * LIKELY_MARGIN;
        let scores = self.by_confidence(calibration);
        let good = |tau: &&f64| {
            let (mut served, mut quality) = (0.0, 0.0);
            for (_, score) in scores.iter().filter(|(confidence, _)| confidence >= tau) {
                (served, quality) = (served + 1.0, quality + score);
            }
            served > 0.0 && quality / served >= wanted
        };
        let loosest = grid.iter().filter(good).copied().reduce(f64::min);
        loosest.or_else(|| grid.iter().copied().reduce(f64::max))
    }
}
