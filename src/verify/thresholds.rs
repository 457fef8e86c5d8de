//! From labelled answers to a confidence and the thresholds that are worth testing. What is read off here only suggests:
//! no threshold is in force before audits that nobody has seen yet have proven it.

use crate::calibration::{Calibration, Features};

/// Thresholds that are tested per version at most.
const GRID_MAX: usize = 40;
/// How far beyond what is asked for, as a part of what is left to 1, answers must come to suggest a threshold.
const LIKELY_MARGIN: f64 = 0.25;
/// Another meaning of the confidence costs all evidence so far: it must cover so much more of the requests.
const GAIN_MIN: f64 = 0.10;

/// An answer with its label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelled {
    pub features: Features,
    /// By the measure, in [0, 1].
    pub quality: f64,
    pub bad: bool,
}

/// What a threshold must keep, to be of use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// Mean quality of what it serves.
    pub quality: f64,
    /// Most bad answers that it serves, as a share of all requests.
    pub risk: f64,
}

/// The confidence of an answer: by the calibration, or its least sure token.
#[must_use]
pub fn confidence(features: &Features, calibration: Option<&Calibration>) -> f64 {
    calibration.map_or_else(|| features.least_sure_token(), |calibration| calibration.confidence_of(features))
}

/// The confidence thresholds to test: the quantiles of `confidences`, and 0 for "serve whatever it says". No audit that
/// tests them may be among these, so that the tests stay valid.
#[must_use]
pub fn grid(mut confidences: Vec<f64>) -> Vec<f64> {
    confidences.sort_by(f64::total_cmp);
    let quantile = |step: usize| confidences.get(step * confidences.len() / GRID_MAX).copied();
    let mut grid: Vec<f64> = (1..GRID_MAX).filter_map(quantile).collect();
    grid.push(0.0);
    grid.dedup();
    grid
}

/// The loosest threshold of `grid` above which answers (confidence, quality) were clearly better than `quality_min`: where
/// the hand-over's walk begins with most of its error budget. The strictest where there is none.
#[must_use]
pub fn likely(grid: &[f64], scores: &[(f64, f64)], quality_min: f64) -> Option<f64> {
    let wanted = quality_min + (1.0 - quality_min) * LIKELY_MARGIN;
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

/// A calibration learnt from `labelled`, if it orders the answers clearly better than `today`'s: by two-fold
/// cross-fitting it must cover [`GAIN_MIN`] more of the requests at what is wanted.
#[must_use]
pub fn recalibrated(labelled: &[Labelled], today: Option<&Calibration>, wanted: Wanted) -> Option<Calibration> {
    let fold = |part: usize| -> Vec<Labelled> {
        labelled.iter().enumerate().filter(|(at, _)| at % 2 == part).map(|(_, answer)| *answer).collect()
    };
    let folds = [fold(0), fold(1)];
    let [first, second] = &folds;
    let covered = |of: &[Labelled], by: Option<&Calibration>| {
        coverage(of.iter().map(|answer| (confidence(&answer.features, by), *answer)).collect(), wanted)
    };
    let gain = |learnt_on: &[Labelled], of: &[Labelled]| Some(covered(of, Some(&fit(learnt_on)?)) - covered(of, today));
    let gains = gain(first, second)? + gain(second, first)?;
    if gains / 2.0 < GAIN_MIN {
        return None;
    }
    fit(labelled)
}

fn fit(labelled: &[Labelled]) -> Option<Calibration> {
    let pairs: Vec<(Features, bool)> = labelled.iter().map(|answer| (answer.features, !answer.bad)).collect();
    Calibration::fit(&pairs)
}

/// The largest share of the answers, the surest first, that keeps what is wanted.
fn coverage(mut answers: Vec<(f64, Labelled)>, wanted: Wanted) -> f64 {
    answers.sort_by(|left, right| right.0.total_cmp(&left.0));
    #[expect(clippy::cast_precision_loss, reason = "numbers of answers")]
    let all = answers.len().max(1) as f64;
    let (mut served, mut quality, mut bad, mut covered) = (0.0, 0.0, 0.0, 0.0);
    for (_, answer) in &answers {
        served += 1.0;
        quality += answer.quality;
        bad += f64::from(u8::from(answer.bad));
        if quality / served >= wanted.quality && bad / all <= wanted.risk {
            covered = served / all;
        }
    }
    covered
}
