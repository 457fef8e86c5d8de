//! How a run keeps within its memory where its job does not say: how many tokens it computes at once, and whether it
//! computes layers twice.
//!
//! The tokens at once change the rounding of sums, so a run goes on with those that it began with; computing twice
//! changes no number.

use std::iter::successors;

use gemma::Config;
use jobs::{Device, TrainingArguments};

use crate::error::TrainError;
use crate::memory::{Largest, Load, Trained};
use crate::parameters::Method;

/// Tokens at once where the memory allows them. With a quarter of them nothing is shared between prompts of some hundred
/// tokens, and sharing is worth a factor of three to five (`docs/benchmarks/train.md`).
pub(crate) const TOKENS: u32 = 4096;

/// What the memory of a run depends on, and what it may take.
pub(crate) struct Need<'a> {
    pub(crate) config: &'a Config,
    pub(crate) arguments: &'a TrainingArguments,
    pub(crate) method: Method,
    pub(crate) largest: Largest,
    pub(crate) limit_mb: Option<u64>,
}

/// How a run goes through the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// The budget of tokens; 0 never splits a batch.
    pub(crate) budget: u32,
    pub(crate) recompute: bool,
    /// Tokens that are computed at once, at most.
    pub(crate) at_once: usize,
    /// Estimated peak of the memory.
    pub(crate) memory_mb: u64,
    pub(crate) limit_mb: Option<u64>,
}

impl Need<'_> {
    /// What the job says, and for what it does not say: as many tokens at once as the run `began_with`, or
    /// [`TOKENS`], as they are if that takes no more than half of what may be taken (this is a background process), else
    /// computed twice; and fewer and fewer, down to one item.
    ///
    /// # Errors
    /// When nothing fits.
    pub(crate) fn split(&self, began_with: Option<u32>) -> Result<Split, TrainError> {
        let told = self.arguments.micro_batch_tokens.or(began_with);
        let first = told.unwrap_or(TOKENS);
        if self.arguments.device == Device::Cuda {
            return self.on_device(first);
        }
        let plain = self.unchecked(first, self.arguments.recompute.unwrap_or(false));
        if self.limit_mb.is_none_or(|limit_mb| plain.memory_mb <= limit_mb / 2) {
            return Ok(plain);
        }
        let recompute = self.arguments.recompute.unwrap_or(true);
        let fewer = |budget: &u32| {
            let load = self.load(*budget);
            (told.is_none() && load.tokens > load.item).then_some(budget / 2)
        };
        let mut least = first;
        for budget in successors(Some(first), fewer) {
            least = budget;
            if let Ok(split) = self.checked(budget, recompute) {
                return Ok(split);
            }
        }
        self.checked(least, recompute)
    }

    /// The composed engine always computes layers twice, and is not asked for fewer tokens: its device's memory is not known.
    fn on_device(&self, budget: u32) -> Result<Split, TrainError> {
        let load = self.load(budget);
        let memory_mb = load.device_mb(self.config, self.limit_mb)?;
        Ok(Split { budget, recompute: true, at_once: load.tokens, memory_mb, limit_mb: self.limit_mb })
    }

    fn load(&self, budget: u32) -> Load {
        let Self { config, arguments, largest, .. } = self;
        let all = config.num_hidden_layers;
        let layers = all - self.method.first();
        let (numbers, rank) = match self.method {
            // Every layer has as many.
            Method::LowRank { rank, .. } => (config.lora_parameters(rank) / all * layers, rank),
            Method::Full => (config.parameters(), 0),
        };
        Load::new(arguments, budget, Trained { numbers, rank, layers }, *largest)
    }

    fn checked(&self, budget: u32, recompute: bool) -> Result<Split, TrainError> {
        self.load(budget).check(self.config, recompute, self.limit_mb)?;
        Ok(self.unchecked(budget, recompute))
    }

    fn unchecked(&self, budget: u32, recompute: bool) -> Split {
        let load = self.load(budget);
        let memory_mb = load.needed_mb(self.config, recompute);
        Split { budget, recompute, at_once: load.tokens, memory_mb, limit_mb: self.limit_mb }
    }
}

#[cfg(test)]
mod tests;
