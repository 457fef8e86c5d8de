//! What the cycle is told.

use std::path::PathBuf;

use curriculum::Draw;
use serde::{Deserialize, Serialize};
use verify::{Comparison, Rules};

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

/// The training settings of a lesson.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hyper {
    pub rank: u32,
    pub alpha: f64,
    pub learning_rate: f64,
    pub batch_size: u32,
    pub max_steps: u32,
    pub max_seconds: f64,
    pub epochs: Option<f64>,
    pub warmup_steps: u32,
    pub cosine: bool,
    pub max_tokens: u32,
    pub threads: u32,
    pub evaluate_every_steps: u32,
    /// Share of held-out replies reproduced exactly that ends the lesson early.
    pub stop_exact: Option<f64>,
    /// Held-out loss (nats a token) that ends the lesson early.
    pub stop_loss: Option<f64>,
    /// Looks at the held-out set without improvement that end the lesson; 0 never does.
    pub patience: u32,
    pub checkpoint_every_s: f64,
    pub seed: u64,
}

impl Default for Hyper {
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 32.0,
            learning_rate: 2e-4,
            batch_size: 16,
            max_steps: 100_000,
            max_seconds: 24.0 * 3600.0,
            epochs: Some(3.0),
            warmup_steps: 0,
            cosine: false,
            max_tokens: 1024,
            threads: 2,
            evaluate_every_steps: 50,
            stop_exact: None,
            stop_loss: None,
            patience: 3,
            checkpoint_every_s: 60.0,
            seed: 1,
        }
    }
}

/// When lessons start and how they run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lessons {
    pub enabled: bool,
    /// New exchanges that a site must have before its first lesson; doubled after every failed one.
    pub exchanges_min: u64,
    /// Audits that a version may spend in Shadow before a new lesson is tried.
    pub shadow_audits_max: u64,
    pub check_every_ms: u64,
    pub nice: i32,
    pub quiet: Quiet,
    pub draw: Draw,
    pub train: Hyper,
}

impl Default for Lessons {
    fn default() -> Self {
        Self {
            enabled: true,
            exchanges_min: 200,
            shadow_audits_max: 500,
            check_every_ms: 5_000,
            nice: 10,
            quiet: Quiet::default(),
            draw: Draw::default(),
            train: Hyper::default(),
        }
    }
}

/// What the exam process needs to know besides the lesson's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exam {
    pub base: PathBuf,
    pub graph: PathBuf,
    pub adapter: PathBuf,
    /// `held_out.jsonl` of the curriculum.
    pub questions: PathBuf,
    pub out: PathBuf,
    pub onnxruntime: Option<PathBuf>,
    pub context: usize,
    pub threads: usize,
    pub max_tokens: u32,
    pub comparison: Comparison,
    pub rules: Rules,
}
