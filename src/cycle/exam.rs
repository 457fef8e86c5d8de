//! What came of an exam: a version's answers to held-out prompts, compared with the teacher's.

use serde::{Deserialize, Serialize};

/// Thresholds that are tested per version at most.
const GRID_MAX: usize = 40;

/// One answered question.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub quality: f64,
    pub confidence: f64,
}

/// A whole exam.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Marks {
    pub marks: Vec<Mark>,
    pub seconds: f64,
}

impl Marks {
    /// Mean quality; 0 for an empty exam.
    #[must_use]
    pub fn score(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "question counts")]
        let asked = self.marks.len().max(1) as f64;
        self.marks.iter().map(|mark| mark.quality).sum::<f64>() / asked
    }

    /// The confidence thresholds to test: the exam's quantiles, and 0 for "serve whatever it says".
    /// They come from data that no audit will see again, so the tests stay valid.
    #[must_use]
    pub fn grid(&self) -> Vec<f64> {
        let mut confidences: Vec<f64> = self.marks.iter().map(|mark| mark.confidence).collect();
        confidences.sort_by(f64::total_cmp);
        let quantile = |step: usize| confidences.get(step * confidences.len() / GRID_MAX).copied();
        let mut grid: Vec<f64> = (1..GRID_MAX).filter_map(quantile).collect();
        grid.push(0.0);
        grid.dedup();
        grid
    }
}
