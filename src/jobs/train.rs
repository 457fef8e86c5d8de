//! A training job: inputs, outputs and [`TrainingArguments`], as a TOML file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What one run trains on, from and to. Relative paths are relative to the job file's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainJob {
    pub method: Method,
    /// Model folder: `config.json`, `tokenizer.json` and, unless everything is trained, weights.
    pub base: PathBuf,
    /// Chat lines (`dataset`), the last message being the one to learn.
    pub train: PathBuf,
    /// The same, never trained on.
    pub held_out: PathBuf,
    /// Where the adapter folder (`sft`) or the model folder (`pretrain`) is written.
    pub out: PathBuf,
    /// Folder for the state from which a killed run goes on.
    pub checkpoint: PathBuf,
    #[serde(default)]
    pub arguments: TrainingArguments,
    /// Only with `method = "pretrain"`.
    #[serde(default)]
    pub pretraining: Pretraining,
}

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// LoRA on completions (supervised fine-tuning).
    Sft,
    /// Every weight from a random start; only for small models.
    Pretrain,
}

/// How the learning rate goes after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    #[default]
    Constant,
    /// Half a cosine from the learning rate to nothing over the run's steps.
    Cosine,
}

/// The settings of a run; `[lessons.train]` of the configuration. Defaults are for a LoRA on Gemma 3 1B.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingArguments {
    /// Rank of every LoRA pair.
    pub rank: u32,
    /// LoRA's scale is `alpha / rank`.
    pub alpha: f64,
    pub learning_rate: f64,
    pub schedule: Schedule,
    pub warmup_steps: u32,
    pub weight_decay: f64,
    /// Longest gradient; 0 does not clip.
    pub clip_norm: f64,
    /// Examples of one optimizer step.
    pub batch_size: u32,
    /// Tokens, padding included, that go through the model at once, over all threads: the bound on memory.
    /// A batch with more is split into micro-batches, which changes nothing but the time; 0 never splits.
    pub micro_batch_tokens: u32,
    /// Keep only the layers' inputs on the way forward (gradient checkpointing): a tenth to a third more time, a
    /// fraction of the memory.
    pub recompute: bool,
    /// A run that is estimated to need more is refused before it begins; 0 is nine tenths of the memory that is
    /// available at its start.
    pub memory_max_mb: u64,
    /// Longer examples are dropped, never cut, and reported.
    pub max_tokens: u32,
    /// Rows of the head computed at a time: the bound on memory for logits.
    pub head_chunk: u32,
    pub threads: u32,
    pub max_steps: u32,
    /// Wall time of the whole run, earlier parts of a resumed one included.
    pub max_seconds: f64,
    /// Passes over the data; 0 sets no limit of its own.
    pub epochs: f64,
    /// Steps between looks at the held-out examples; 0 looks only at the end.
    pub evaluate_every_steps: u32,
    /// Share of held-out replies reproduced exactly that ends the run early.
    pub stop_exact: Option<f64>,
    /// Held-out loss (nats a token) that ends the run early.
    pub stop_loss: Option<f64>,
    /// Evaluations without a better one that end the run; 0 never does.
    pub patience: u32,
    pub checkpoint_every_s: f64,
    pub seed: u64,
}

/// Settings of `method = "pretrain"` alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pretraining {
    /// Muon's learning rate; `arguments.learning_rate` is the embedding's.
    pub matrix_learning_rate: f64,
    /// Share of the rows that are random tokens with repeated spans, in the first part of the run
    /// and after it: the copy curriculum.
    pub copy_share_first: f64,
    pub copy_share_after: f64,
    /// The first part's share of `max_steps`.
    pub copy_first_part: f64,
}

impl Default for TrainingArguments {
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 32.0,
            learning_rate: 2e-4,
            schedule: Schedule::Constant,
            warmup_steps: 0,
            weight_decay: 0.0,
            clip_norm: 1.0,
            batch_size: 16,
            micro_batch_tokens: 1024,
            recompute: false,
            memory_max_mb: 0,
            max_tokens: 1024,
            head_chunk: 128,
            threads: 2,
            max_steps: 100_000,
            max_seconds: 24.0 * 3600.0,
            epochs: 3.0,
            evaluate_every_steps: 50,
            stop_exact: None,
            stop_loss: None,
            patience: 3,
            checkpoint_every_s: 60.0,
            seed: 1,
        }
    }
}

impl Default for Pretraining {
    fn default() -> Self {
        Self { matrix_learning_rate: 0.02, copy_share_first: 0.9, copy_share_after: 0.15, copy_first_part: 0.15 }
    }
}

impl TrainJob {
    /// Parses and checks a job file's text; `folder` is the file's own.
    ///
    /// # Errors
    /// In words: an unknown key, or a setting outside its range.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let mut job: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for path in [&mut job.base, &mut job.train, &mut job.held_out, &mut job.out, &mut job.checkpoint] {
            *path = folder.join(&path);
        }
        match job.arguments.problems().into_iter().next() {
            Some(problem) => Err(format!("arguments.{problem}")),
            None => Ok(job),
        }
    }

    /// The job as a file's text.
    ///
    /// # Errors
    /// In words, when a path is not text.
    pub fn to_toml(&self) -> Result<String, String> {
        toml::to_string(self).map_err(|error| error.to_string())
    }
}

impl TrainingArguments {
    /// What is wrong with the numbers, each with its key, value and range; empty when nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut hold = |key: &str, value: f64, ok: bool, range: &str| {
            if !ok {
                problems.push(format!("{key} = {value} must be {range}"));
            }
        };
        let at_least_one = [
            ("rank", self.rank),
            ("batch_size", self.batch_size),
            ("max_tokens", self.max_tokens),
            ("head_chunk", self.head_chunk),
            ("threads", self.threads),
            ("max_steps", self.max_steps),
        ];
        for (key, value) in at_least_one {
            hold(key, f64::from(value), value > 0, "at least 1");
        }
        hold("rank", f64::from(self.rank), self.rank <= 1024, "at most 1024");
        hold("threads", f64::from(self.threads), self.threads <= 1024, "at most 1024");
        let positive = [
            ("alpha", self.alpha),
            ("learning_rate", self.learning_rate),
            ("max_seconds", self.max_seconds),
            ("checkpoint_every_s", self.checkpoint_every_s),
        ];
        for (key, value) in positive {
            hold(key, value, value > 0.0, "greater than 0");
        }
        for (key, value) in [("alpha", self.alpha), ("learning_rate", self.learning_rate)] {
            hold(key, value, value != f64::INFINITY, "finite");
        }
        for (key, value) in
            [("weight_decay", self.weight_decay), ("clip_norm", self.clip_norm), ("epochs", self.epochs)]
        {
            hold(key, value, value >= 0.0 && value.is_finite(), "0 or greater");
        }
        if let Some(exact) = self.stop_exact {
            hold("stop_exact", exact, exact > 0.0 && exact <= 1.0, "greater than 0 and at most 1");
        }
        if let Some(loss) = self.stop_loss {
            hold("stop_loss", loss, loss > 0.0, "greater than 0");
        }
        problems
    }
}
