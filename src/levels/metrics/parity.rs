//! Is a student's figure as good as the teacher's on the same requests? The mean difference with a bootstrap interval over requests.

/// A mean with an interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// The mean of student less teacher over `pairs` and its percentile interval that holds `confidence` of `draws` resamples.
/// `draw(n)` gives a number below n, each as likely. None of nothing.
#[must_use]
pub fn parity(
    pairs: &[(f64, f64)],
    draws: usize,
    confidence: f64,
    mut draw: impl FnMut(usize) -> usize,
) -> Option<Interval> {
    let differences: Vec<f64> = pairs.iter().map(|(student, teacher)| student - teacher).collect();
    if differences.is_empty() || draws == 0 {
        return None;
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let count = differences.len() as f64;
        values.sum::<f64>() / count
    };
    let mut means: Vec<f64> = (0..draws)
        .map(|_| {
            let mut picked =
                (0..differences.len()).map(|_| differences.get(draw(differences.len())).copied().unwrap_or_default());
            mean(&mut picked)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "places within the sorted means"
    )]
    let at =
        |share: f64| means[((share.clamp(0.0, 1.0) * (means.len() - 1) as f64).round() as usize).min(means.len() - 1)];
    let tail = (1.0 - confidence) / 2.0;
    Some(Interval { mean: mean(&mut differences.iter().copied()), low: at(tail), high: at(1.0 - tail) })
}
