//! Counts and times of many runs in a few numbers. Exact where it is cheap.

/// As a float.
#[must_use]
pub(crate) fn float(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let float = count as f64;
    float
}

/// The length of a list as a float.
#[must_use]
pub(crate) fn size(count: usize) -> f64 {
    float(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Share of the runs in which something happened, with its 95 % interval (Wilson 1927).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) share: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Share {
    pub(crate) fn of(happened: impl Iterator<Item = bool>) -> Self {
        let (mut count, mut all) = (0u64, 0u64);
        happened.for_each(|happened| (count, all) = (count + u64::from(happened), all + 1));
        let (n, z) = (float(all.max(1)), 1.96f64);
        let share = float(count) / n;
        let centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        Self { share, low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
    }
}

/// Times at which something happened; `None` where it never did within the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    sorted: Vec<u64>,
    all: usize,
}

impl Times {
    pub(crate) fn of(times: impl Iterator<Item = Option<u64>>) -> Self {
        let times: Vec<_> = times.collect();
        let mut sorted: Vec<u64> = times.iter().copied().flatten().collect();
        sorted.sort_unstable();
        Self { sorted, all: times.len() }
    }

    /// The time by which `part` of all runs were there; infinite when fewer were.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into the runs")]
        let at = (size(self.all) * part) as usize;
        self.sorted.get(at.min(self.all.saturating_sub(1))).map_or(f64::INFINITY, |time| float(*time))
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Share of the runs in which it happened.
    pub(crate) fn happened(&self) -> Share {
        let all = self.all;
        Share::of((0..all).map(|at| at < self.sorted.len()))
    }

    /// Mean time, runs in which it did not happen counted as `censored`: a lower bound of the mean.
    pub(crate) fn mean_censored(&self, censored: u64) -> (f64, f64, f64) {
        let missing = self.all - self.sorted.len();
        let values = self.sorted.iter().copied().chain(std::iter::repeat_n(censored, missing)).map(float);
        mean_interval(&values.collect::<Vec<_>>())
    }
}

/// Mean with its 95 % interval by the normal approximation.
pub(crate) fn mean_interval(values: &[f64]) -> (f64, f64, f64) {
    let n = size(values.len()).max(1.0);
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let half = 1.96 * (variance / n).sqrt();
    (mean, mean - half, mean + half)
}
