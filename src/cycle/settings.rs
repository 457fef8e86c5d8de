//! When lessons start and how they run; `[lessons]` of the configuration.

use curriculum::DatasetSettings;
use jobs::TrainingArguments;
use serde::{Deserialize, Serialize};

/// When the proxy counts as quiet: on average no more than `requests_per_s` over the last `window_s`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quiet {
    pub window_s: u64,
    pub requests_per_s: f64,
}

impl Default for Quiet {
    fn default() -> Self {
        Self { window_s: 60, requests_per_s: 1.0 }
    }
}

/// When a lesson's training stands still: while more than `requests_per_s` begin (0 never stops it), until no more than half
/// of them do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pause {
    pub requests_per_s: f64,
    /// It stands no longer than this at a time ...
    pub max_s: f64,
    /// ... then it works for this long, however busy the proxy is.
    pub slice_s: f64,
}

impl Default for Pause {
    fn default() -> Self {
        // Under one request in a hundred meets a slice: the slowest hundredth stays what it is.
        Self { requests_per_s: 4.0, max_s: 60.0, slice_s: 0.5 }
    }
}

/// The settings of every site's lessons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LessonSettings {
    pub enabled: bool,
    /// New trainable prompts that a site must have before its first lesson; doubled after every lesson whose
    /// version was not handed over.
    pub exchanges_min: u64,
    /// Where a student serves, so many times as many until a challenger is trained; 0 for never.
    pub refresh_factor: u64,
    /// Audits that a version may spend in Shadow before a new lesson is tried.
    pub shadow_audits_max: u64,
    pub check_every_ms: u64,
    pub nice: i32,
    /// Versions of a site that are kept beside those that the hand-over may still use.
    pub versions_kept: usize,
    pub quiet: Quiet,
    pub pause: Pause,
    pub dataset: DatasetSettings,
    pub train: TrainingArguments,
}

impl Default for LessonSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            exchanges_min: 200,
            refresh_factor: 4,
            shadow_audits_max: 500,
            check_every_ms: 5_000,
            nice: 10,
            versions_kept: 5,
            quiet: Quiet::default(),
            pause: Pause::default(),
            dataset: DatasetSettings::default(),
            train: TrainingArguments::default(),
        }
    }
}

impl LessonSettings {
    /// What is wrong with the numbers, each with its key, value and range; empty when nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut at_least_one = |key: &str, value: u64| {
            if value == 0 {
                problems.push(format!("{key} = 0 must be at least 1"));
            }
        };
        at_least_one("exchanges_min", self.exchanges_min);
        at_least_one("check_every_ms", self.check_every_ms);
        at_least_one("versions_kept", self.versions_kept as u64);
        if !(0..=19).contains(&self.nice) {
            problems.push(format!("nice = {} must be from 0 to 19", self.nice));
        }
        let quiet = self.quiet;
        if !(1..=599).contains(&quiet.window_s) {
            problems.push(format!("quiet.window_s = {} must be from 1 to 599", quiet.window_s));
        }
        if quiet.requests_per_s.is_nan() || quiet.requests_per_s < 0.0 {
            problems.push(format!("quiet.requests_per_s = {} must be 0 or greater", quiet.requests_per_s));
        }
        let pause = self.pause;
        if !(pause.requests_per_s >= 0.0 && pause.requests_per_s.is_finite()) {
            problems.push(format!("pause.requests_per_s = {} must be 0 or greater", pause.requests_per_s));
        }
        for (key, value) in [("max_s", pause.max_s), ("slice_s", pause.slice_s)] {
            if !(0.1..=86_400.0).contains(&value) {
                problems.push(format!("pause.{key} = {value} must be from 0.1 to 86400"));
            }
        }
        problems.extend(self.dataset.problems().into_iter().map(|problem| format!("dataset.{problem}")));
        problems.extend(self.train.problems().into_iter().map(|problem| format!("train.{problem}")));
        problems
    }
}
