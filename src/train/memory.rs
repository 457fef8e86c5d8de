//! How much memory a run will need, and how much it may take.
//!
//! The estimate comes from shapes alone; how near it is was measured on Gemma 3 1B's shape, see the tests. Of
//! the machine this file only reads what it says of its memory: where it says nothing, nothing is refused.

use gemma::{Config, Linear};
use jobs::{Device, Quantize, TrainingArguments};

use crate::error::TrainError;

const MB: u64 = 1_000_000;
const FLOAT: u64 = 4;
/// Copies of what is trained: values, two moments, the best values, the summed gradient, the model's own.
const COPIES_OF_TRAINED: u64 = 6;

/// What the memory of a run depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) trained: Trained,
    /// Tokens that are computed at once, over all threads; what sequences have in common counts for every thread that computes it.
    pub(crate) tokens: usize,
    /// Tokens of the longest example.
    pub(crate) longest: usize,
    /// Tokens of the largest item: fewer cannot be computed at once.
    pub(crate) item: usize,
    pub(crate) threads: usize,
    pub(crate) head_chunk: usize,
    pub(crate) quantize: Option<Quantize>,
}

/// What of the model is trained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trained {
    pub(crate) numbers: usize,
    /// Of the low-rank terms; 0 where all weights are trained.
    pub(crate) rank: usize,
    /// Layers that are trained, the upper ones.
    pub(crate) layers: usize,
}

/// The most that a run's data ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Largest {
    /// Tokens of the longest sequence, those included that are only looked at.
    pub(crate) longest: usize,
    /// Sequences of an item, which stay together.
    pub(crate) item: usize,
    /// Items of a batch.
    pub(crate) batch: usize,
}

impl Load {
    /// The load of a run that computes `budget` tokens at once; 0 is the whole batch.
    pub(crate) fn new(arguments: &TrainingArguments, budget: u32, trained: Trained, largest: Largest) -> Self {
        let Largest { longest, item, batch } = largest;
        let (item, batch) = (longest * item, longest * item * batch);
        let budget = budget as usize;
        // A larger item than the budget goes alone.
        let tokens = if budget == 0 { batch } else { batch.min(budget.max(item)) };
        let (threads, head_chunk) = (arguments.threads as usize, arguments.head_chunk as usize);
        Self { trained, tokens, longest, item, threads, head_chunk, quantize: arguments.quantize }
    }

    /// The peak in bytes. It falls where the head computes, all activations being at hand, or in the backward
    /// pass of the last layer.
    pub(crate) fn bytes(&self, config: &Config, recompute: bool) -> u64 {
        let (tokens, layers) = (self.tokens as u64, self.trained.layers as u64);
        let layer = self.layer_floats(config);
        let per_token = if recompute { layers * config.hidden_size as u64 + layer } else { layers * layer };
        let head_rows = (self.threads * self.head_chunk).min(self.tokens) as u64;
        // Logits turn into their derivative in place.
        let head = head_rows * config.vocab_size as u64;
        let backward = tokens * self.backward_floats(config);
        let trained = self.trained.numbers as u64 * (COPIES_OF_TRAINED + self.threads as u64);
        weights(config, self.trained.rank > 0, self.quantize)
            + FLOAT * (trained + tokens * per_token + head.max(backward))
    }

    /// What a layer keeps of one token for its backward pass (`layer::SavedActivations`).
    fn layer_floats(&self, config: &Config) -> u64 {
        let queries = Linear::Q.shape(config).0;
        let keys = Linear::K.shape(config).0;
        let probabilities = config.num_attention_heads * self.longest;
        let low = Linear::ALL.len() * self.trained.rank;
        (6 * config.hidden_size + 3 * queries + 3 * keys + 3 * config.intermediate_size + probabilities + low) as u64
    }

    /// Derivatives that live at once in a layer's backward pass, for one token.
    fn backward_floats(&self, config: &Config) -> u64 {
        let probabilities = config.num_attention_heads * self.longest;
        (4 * config.intermediate_size + 8 * config.hidden_size + 2 * probabilities) as u64
    }

    /// [`Load::device_bytes`] in MB, if it is within `limit_mb`.
    pub(crate) fn device_mb(&self, config: &Config, limit_mb: Option<u64>) -> Result<u64, TrainError> {
        self.within(limit_mb, self.device_bytes(config).div_ceil(MB), || None)
    }

    /// What the composed engine takes of its device, in bytes, by shapes alone; no GPU was asked. Every layer's input is there,
    /// and of one layer everything that autograd keeps, each with its derivative. Attention is dense.
    fn device_bytes(&self, config: &Config) -> u64 {
        let hidden = config.hidden_size;
        let (queries, keys) = (Linear::Q.shape(config).0, Linear::K.shape(config).0);
        let scores = 6 * config.num_attention_heads * self.tokens;
        let layer = 2 * (20 * hidden + 10 * (queries + keys) + 14 * config.intermediate_size + scores);
        let masks = 2 * self.tokens;
        let inputs = self.trained.layers * hidden;
        let head = 5 * self.head_chunk * config.vocab_size;
        let floats = 2 * self.trained.numbers + self.tokens * (inputs + masks) + head.max(self.tokens * layer);
        weights(config, true, None) + FLOAT * floats as u64
    }

    /// The estimate in MB.
    pub(crate) fn needed_mb(&self, config: &Config, recompute: bool) -> u64 {
        self.bytes(config, recompute).div_ceil(MB)
    }

    /// The estimate in MB, if it is within `limit_mb`; no limit holds nothing back.
    pub(crate) fn check(&self, config: &Config, recompute: bool, limit_mb: Option<u64>) -> Result<u64, TrainError> {
        let recomputed_mb = || (!recompute).then(|| self.needed_mb(config, true));
        self.within(limit_mb, self.needed_mb(config, recompute), recomputed_mb)
    }

    /// What is needed, if it is within the limit; what it would be computed twice is told where it is not.
    fn within(
        &self,
        limit_mb: Option<u64>,
        needed_mb: u64,
        recomputed_mb: impl FnOnce() -> Option<u64>,
    ) -> Result<u64, TrainError> {
        match limit_mb {
            Some(limit_mb) if needed_mb > limit_mb => {
                let (smallest, recomputed_mb) = (self.tokens <= self.item, recomputed_mb());
                Err(TrainError::Memory { needed_mb, limit_mb, tokens: self.tokens, smallest, recomputed_mb })
            }
            _ => Ok(needed_mb),
        }
    }
}

/// Bytes of the base as the model holds it: as its file does unless all of it is trained, the linears packed if the run says so.
fn weights(config: &Config, frozen: bool, quantize: Option<Quantize>) -> u64 {
    let each = if frozen && config.dtype != "float32" { FLOAT / 2 } else { FLOAT };
    let linears = Linear::ALL.iter().map(|linear| linear.shape(config)).map(|(out, inn)| out * inn).sum::<usize>();
    let packed = (linears * config.num_hidden_layers) as u64;
    let bytes_in_32 = match quantize {
        Some(Quantize::Q8_0) => 34,
        Some(Quantize::Q4_0) => 18,
        Some(Quantize::Nf4) => 17,
        None => 32 * each,
    };
    each * (config.parameters() as u64 - packed) + packed * bytes_in_32 / 32
}

/// What the run may take, MB: what it is told, or nine tenths of what is available. A device's memory nobody asks for: without a word
/// nothing is refused.
pub(crate) fn limit_mb(arguments: &TrainingArguments) -> Option<u64> {
    match arguments.memory_max_mb {
        0 if arguments.device == Device::Cuda => None,
        0 => available_bytes().map(|bytes| bytes / 10 * 9 / MB),
        told => Some(told),
    }
}

/// Memory that may be taken now: the least of what the kernel, and the control group, give; `None` where neither says.
#[must_use]
pub fn available_bytes() -> Option<u64> {
    let text = |path: &str| fs_err::read_to_string(path).ok();
    // Free memory alone would leave out what only caches files.
    let kernel = text("/proc/meminfo").and_then(|text| meminfo_available(&text));
    let kernel = kernel.or_else(|| Some(machine_bytes()).filter(|bytes| *bytes > 0));
    let groups = [
        ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ];
    let group = groups.into_iter().find_map(|(dir, limit, used, cache)| {
        let file = |name: &str| text(&format!("{dir}/{name}")).unwrap_or_default();
        group_available(&file(limit), &file(used), &file("memory.stat"), cache)
    });
    kernel.into_iter().chain(group).min()
}

/// A control group's limit less what it uses, which the `cache` of its statistics is not: that is given back at need.
/// `None` without a limit.
fn group_available(limit: &str, used: &str, stat: &str, cache: &str) -> Option<u64> {
    let limit: u64 = limit.trim().parse().ok()?;
    let used: u64 = used.trim().parse().unwrap_or(0);
    let cached = stat.lines().find_map(|line| line.strip_prefix(cache)?.trim().parse().ok()).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(cached)))
}

fn meminfo_available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// All of the machine's memory; 0 where it is not known.
#[cfg(target_os = "linux")]
fn machine_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram as u64 * u64::from(info.mem_unit)
}

#[cfg(not(target_os = "linux"))]
fn machine_bytes() -> u64 {
    0
}

#[cfg(test)]
pub(crate) mod tests;
