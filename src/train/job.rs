//! What a training run is told: a TOML file.
//!
//! The process that runs a job should be started with `RAYON_NUM_THREADS=1` (a micro-batch is one
//! thread's work; matrix products inside it must not be split again) and
//! `CANDLE_BARRIER_POOL_SPIN_LIMIT=1` (a background run must not spin on cores that serve).

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::TrainError;

/// A run's inputs, limits and settings. Relative paths are relative to the file's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub method: JobMethod,
    /// Model folder: `config.json`, `tokenizer.json` and, unless everything is trained, weights.
    pub base: PathBuf,
    /// JSONL: `{"messages": [{"role", "content"}, ...]}`, the last message being the one to learn.
    pub train: PathBuf,
    /// The same, never trained on.
    pub held_out: PathBuf,
    /// Where the adapter folder (`sft`) or the model folder (`pretrain`) is written.
    pub out: PathBuf,
    /// Folder for the state from which a killed run goes on.
    pub checkpoint: PathBuf,
    #[serde(default)]
    pub seed: u64,
    #[serde(default = "one")]
    pub threads: usize,
    /// Longer examples are dropped, never cut.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: usize,
    /// Rows of the head computed at a time: the bound on memory for logits.
    #[serde(default = "default_head_chunk")]
    pub head_chunk: usize,
    /// Keep only the layers' inputs on the way forward: a third more time, a fraction of the memory.
    #[serde(default)]
    pub recompute: bool,
    #[serde(default = "default_checkpoint_every_s")]
    pub checkpoint_every_s: f64,
    #[serde(default)]
    pub lora: Lora,
    pub optim: Optim,
    #[serde(default)]
    pub evaluate: Evaluate,
    #[serde(default)]
    pub pretrain: Pretrain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobMethod {
    /// LoRA on completions.
    Sft,
    /// Every weight from a random start; only for small models.
    Pretrain,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lora {
    pub rank: usize,
    pub alpha: f64,
}

impl Default for Lora {
    fn default() -> Self {
        Self { rank: 16, alpha: 32.0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    #[default]
    Constant,
    /// Half a cosine from the learning rate to nothing over `max_steps`.
    Cosine,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optim {
    pub learning_rate: f64,
    /// Examples a step, over all threads.
    pub batch_size: usize,
    pub max_steps: usize,
    /// Wall time of the whole run, earlier parts of a resumed one included.
    #[serde(default = "unlimited")]
    pub max_seconds: f64,
    /// Passes over the data; no limit of its own when left out.
    pub epochs: Option<f64>,
    #[serde(default)]
    pub warmup_steps: usize,
    #[serde(default)]
    pub weight_decay: f64,
    /// Longest gradient; 0 does not clip.
    #[serde(default = "default_clip_norm")]
    pub clip_norm: f64,
    #[serde(default)]
    pub schedule: Schedule,
}

/// When held-out examples are looked at, and when that ends the run.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evaluate {
    /// 0 looks only at the end.
    pub every_steps: usize,
    /// Share of exactly reproduced replies that is enough.
    pub stop_exact: Option<f64>,
    /// Nats a token that are few enough.
    pub stop_loss: Option<f64>,
    /// Looks without a better one that end the run; 0 never does.
    pub patience: usize,
}

impl Default for Evaluate {
    fn default() -> Self {
        Self { every_steps: 25, stop_exact: None, stop_loss: None, patience: 0 }
    }
}

/// Settings of `method = "pretrain"` alone.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pretrain {
    /// Muon's learning rate; `optim.learning_rate` is the embedding's.
    pub matrix_learning_rate: f64,
    /// Share of the rows that are random tokens with repeated spans, in the first part of the run
    /// and after it: the copy curriculum.
    pub copy_share_first: f64,
    pub copy_share_after: f64,
    /// The first part's share of `max_steps`.
    pub copy_first_part: f64,
}

impl Default for Pretrain {
    fn default() -> Self {
        Self { matrix_learning_rate: 0.02, copy_share_first: 0.9, copy_share_after: 0.15, copy_first_part: 0.15 }
    }
}

impl Job {
    /// Reads and checks a job file.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown key, or a setting is outside its range.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        let text = std::fs::read_to_string(path).map_err(TrainError::read(path))?;
        let mut job: Self = toml::from_str(&text).map_err(|e| TrainError::job(path, e))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        for file in [&mut job.base, &mut job.train, &mut job.held_out, &mut job.out, &mut job.checkpoint] {
            *file = folder.join(&file);
        }
        job.check().map_err(|problem| TrainError::job(path, problem))?;
        Ok(job)
    }

    fn check(&self) -> Result<(), String> {
        let positive = |name: &str, ok: bool| {
            if ok { Ok(()) } else { Err(format!("{name} must be greater than 0")) }
        };
        positive("threads", self.threads > 0)?;
        positive("max_tokens", self.max_tokens > 0)?;
        positive("head_chunk", self.head_chunk > 0)?;
        positive("lora.rank", self.lora.rank > 0)?;
        positive("lora.alpha", self.lora.alpha > 0.0)?;
        positive("optim.learning_rate", self.optim.learning_rate > 0.0)?;
        positive("optim.batch_size", self.optim.batch_size > 0)?;
        positive("optim.max_steps", self.optim.max_steps > 0)?;
        positive("optim.max_seconds", self.optim.max_seconds > 0.0)
    }

    /// Steps at most: `max_steps`, or fewer when `epochs` says so.
    pub(crate) fn steps(&self, steps_per_epoch: usize) -> usize {
        let epochs = self.optim.epochs.map_or(usize::MAX, |e| (e * steps_per_epoch as f64).ceil() as usize);
        self.optim.max_steps.min(epochs).max(1)
    }

    /// The factor of the learning rates at `step` (from 0) of `steps`.
    pub(crate) fn rate_factor(&self, step: usize, steps: usize) -> f64 {
        let warm = ((step + 1) as f64 / self.optim.warmup_steps.max(1) as f64).min(1.0);
        let decay = match self.optim.schedule {
            Schedule::Constant => 1.0,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos()),
        };
        warm * decay
    }
}

fn one() -> usize {
    1
}

fn default_max_tokens() -> usize {
    1024
}

fn default_head_chunk() -> usize {
    128
}

fn default_checkpoint_every_s() -> f64 {
    30.0
}

fn default_clip_norm() -> f64 {
    1.0
}

fn unlimited() -> f64 {
    f64::INFINITY
}

#[cfg(test)]
mod tests;
