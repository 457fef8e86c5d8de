//! A training job: inputs, outputs and [`TrainingArguments`], as a TOML file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The learning rate of a LoRA by preferences, where the job names none (TRL's for DPO with PEFT).
const PREFERENCE_LEARNING_RATE: f64 = 5e-6;

/// What one run trains on, from and to. Relative paths are relative to the job file's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainJob {
    pub method: Method,
    /// Model folder: `config.json`, `tokenizer.json` and, unless everything is trained, weights.
    pub base: PathBuf,
    /// Lines of `dataset`: chats whose last message is the one to learn; for `kto` completions with a label, for `dpo`
    /// pairs of completions.
    pub train: PathBuf,
    /// The same, never trained on.
    pub held_out: PathBuf,
    /// Where the model folder (`pretrain`) or the adapter folder (everything else) is written.
    pub out: PathBuf,
    /// Folder for the state from which a killed run goes on.
    pub checkpoint: PathBuf,
    /// Adapter folder of the same base, as `sft` wrote it: what `kto` and `dpo` start from, and the frozen reference that
    /// they compare with. They need it, the others have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<PathBuf>,
    #[serde(default)]
    pub arguments: TrainingArguments,
    /// What is minimised, beyond the method.
    #[serde(default, skip_serializing_if = "ObjectiveArguments::is_default")]
    pub objective: ObjectiveArguments,
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
    /// LoRA on completions with a label, desirable or not (Kahneman-Tversky optimisation).
    Kto,
    /// LoRA on pairs of completions, one chosen and one rejected (direct preference optimisation).
    Dpo,
}

impl Method {
    /// Whether it compares the student with a frozen reference.
    #[must_use]
    pub fn is_preference(self) -> bool {
        matches!(self, Self::Kto | Self::Dpo)
    }
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

/// What computes a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    #[default]
    Cpu,
    /// The first CUDA device, in a build that has the feature `cuda`.
    Cuda,
}

/// Formats of packed frozen weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantize {
    /// 8.5 bits a number (ggml's).
    #[serde(rename = "q8_0")]
    Q8_0,
    /// 4.5 bits a number (ggml's).
    #[serde(rename = "q4_0")]
    Q4_0,
    /// 4.13 bits a number, with double quantisation (QLoRA's).
    #[serde(rename = "nf4")]
    Nf4,
}

/// The settings of a run; `[lessons.train]` of the configuration. Defaults are for a LoRA on Gemma 3 270M or 1B; how its learning rate,
/// schedule and epochs were found is in `docs/benchmarks/train_real.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingArguments {
    /// Rank of every LoRA pair.
    pub rank: u32,
    /// LoRA's scale is `alpha / rank`.
    pub alpha: f64,
    /// Number of layers that are adapted, the upper ones. What the others make of the data is computed once and kept on the disk. Not for
    /// `pretrain`. Without it all are adapted.
    pub layers: Option<u32>,
    /// A job file of `kto` or `dpo` that leaves it out has 5e-6.
    pub learning_rate: f64,
    pub schedule: Schedule,
    pub warmup_steps: u32,
    pub weight_decay: f64,
    /// Longest gradient; 0 does not clip.
    pub clip_norm: f64,
    /// What computes; the optimiser is the CPU's in any case. `cuda` takes no `quantize`, and is not for `pretrain`.
    pub device: Device,
    /// Examples of one optimizer step.
    pub batch_size: u32,
    /// Tokens that are computed at once, over all threads: the bound on memory. What examples have in common is computed once, or
    /// where it is little once for each thread.
    /// A batch with more is split into micro-batches, which changes nothing but the time; 0 never splits. Without it the trainer
    /// takes 4,096, or as many as the memory allows.
    pub micro_batch_tokens: Option<u32>,
    /// Keep only the layers' inputs on the way forward (gradient checkpointing): a tenth to a third more time, a
    /// fraction of the memory. Without it the trainer does so where more than half of the memory would be taken otherwise.
    pub recompute: Option<bool>,
    /// Pack the frozen linears to few bits for the run (QLoRA): less memory, a little less exact. Not for `pretrain`. Without it they stay as their
    /// file has them.
    pub quantize: Option<Quantize>,
    /// A run that is estimated to need more is refused before it begins; 0 is nine tenths of the memory that is
    /// available at its start.
    pub memory_max_mb: u64,
    /// Longer examples are dropped, never cut, and reported.
    pub max_tokens: u32,
    /// Rows of the head computed at a time: the bound on memory for logits.
    pub head_chunk: u32,
    pub threads: u32,
    pub max_steps: u32,
    /// Time at work of the whole run: earlier parts of a resumed one are included, what it was stopped by a signal is not.
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

/// How what is minimised is weighed: `kl_weight` for `sft`, the others for `kto` and `dpo`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveArguments {
    /// How little the student may move away from the reference: a log-ratio times this is a reward.
    pub beta: f64,
    /// What a desirable and an undesirable completion count (`kto`). With n of each, `desirable_weight * n_desirable` should
    /// be 1 to 4/3 times `undesirable_weight * n_undesirable`.
    pub desirable_weight: f64,
    pub undesirable_weight: f64,
    /// `sft`: how much of the loss is the divergence from the teacher's own probabilities (forward KL), on the tokens for which
    /// a line's `logprobs` give them; the rest of it, and every other token, is imitation. 0 takes no notice of them.
    pub kl_weight: f64,
}

impl ObjectiveArguments {
    /// A job that says nothing of its objective is written without it.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for ObjectiveArguments {
    fn default() -> Self {
        Self { beta: 0.1, desirable_weight: 1.0, undesirable_weight: 1.0, kl_weight: 0.0 }
    }
}

impl Default for TrainingArguments {
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 32.0,
            layers: None,
            learning_rate: 5e-4,
            schedule: Schedule::Cosine,
            warmup_steps: 10,
            weight_decay: 0.0,
            clip_norm: 1.0,
            device: Device::Cpu,
            batch_size: 16,
            micro_batch_tokens: None,
            recompute: None,
            quantize: None,
            memory_max_mb: 0,
            max_tokens: 1024,
            head_chunk: 128,
            threads: 2,
            max_steps: 100_000,
            max_seconds: 24.0 * 3600.0,
            epochs: 8.0,
            evaluate_every_steps: 20,
            stop_exact: None,
            stop_loss: Some(0.001),
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
        let paths = [&mut job.base, &mut job.train, &mut job.held_out, &mut job.out, &mut job.checkpoint];
        for path in paths.into_iter().chain(&mut job.reference) {
            *path = folder.join(&path);
        }
        if job.method.is_preference() && !gives_learning_rate(text) {
            job.arguments.learning_rate = PREFERENCE_LEARNING_RATE;
        }
        let arguments = job.arguments.problems().into_iter().map(|problem| format!("arguments.{problem}"));
        match arguments.chain(job.preference_problems()).next() {
            Some(problem) => Err(problem),
            None => Ok(job),
        }
    }

    /// What is wrong with `reference`, `[objective]` and the batches that they ask for.
    fn preference_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match (self.method.is_preference(), &self.reference) {
            (true, None) => problems.push(
                "reference is missing: kto and dpo start from an adapter that sft has trained; give its folder"
                    .to_owned(),
            ),
            (false, Some(_)) => problems
                .push("reference is only for kto and dpo: sft and pretrain start from nothing; take it out".to_owned()),
            _ => {}
        }
        let ObjectiveArguments { beta, desirable_weight, undesirable_weight, kl_weight } = self.objective;
        let numbers =
            [("beta", beta), ("desirable_weight", desirable_weight), ("undesirable_weight", undesirable_weight)];
        for (key, value) in numbers {
            if !(value > 0.0 && value.is_finite()) {
                problems.push(format!("objective.{key} = {value} must be greater than 0 and finite"));
            }
        }
        if !(0.0..=1.0).contains(&kl_weight) {
            problems.push(format!("objective.kl_weight = {kl_weight} must be from 0 to 1"));
        } else if kl_weight > 0.0 && self.method != Method::Sft {
            problems.push(format!("objective.kl_weight = {kl_weight} is only for sft; take it out"));
        }
        if self.method == Method::Pretrain && self.arguments.quantize.is_some() {
            problems.push("arguments.quantize is for frozen weights, and pretrain has none; take it out".to_owned());
        }
        if self.method == Method::Pretrain && self.arguments.layers.is_some() {
            problems.push("arguments.layers says what is adapted, and pretrain trains all; take it out".to_owned());
        }
        if self.method == Method::Pretrain && self.arguments.device == Device::Cuda {
            problems.push(
                "arguments.device = cuda is for adapters, and pretrain trains all weights: set it to cpu".to_owned(),
            );
        }
        if self.method == Method::Kto && self.arguments.batch_size < 2 {
            let size = self.arguments.batch_size;
            problems.push(format!(
                "arguments.batch_size = {size} must be at least 2 for kto: prompts get others' completions"
            ));
        }
        problems
    }

    /// The job as a file's text.
    ///
    /// # Errors
    /// In words, when a path is not text.
    pub fn to_toml(&self) -> Result<String, String> {
        toml::to_string(self).map_err(|error| error.to_string())
    }
}

fn gives_learning_rate(text: &str) -> bool {
    let table = toml::from_str::<toml::Table>(text).ok();
    table.is_some_and(|table| table.get("arguments").is_some_and(|arguments| arguments.get("learning_rate").is_some()))
}

impl TrainingArguments {
    /// Whether a run with these was asked for with `asked`: the run fills in what that leaves open.
    #[must_use]
    pub fn fill_in(&self, asked: &Self) -> bool {
        let micro_batch_tokens = asked.micro_batch_tokens.and(self.micro_batch_tokens);
        let recompute = asked.recompute.and(self.recompute);
        Self { micro_batch_tokens, recompute, ..self.clone() } == *asked
    }

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
        if let Some(layers) = self.layers {
            hold("layers", f64::from(layers), layers > 0, "at least 1");
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
        if self.device == Device::Cuda && self.quantize.is_some() {
            problems.push("device = cuda keeps weights as they are: take out quantize, or set device = cpu".to_owned());
        }
        problems
    }
}
