//! What a run would ask and cost, before anything is asked. Pure.

use serde::{Deserialize, Serialize};
use wire::Usage;

use crate::run::Limits;

/// Letters in a token of English, about.
const LETTERS_PER_TOKEN: usize = 4;

/// Calls of one stage that are much alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    pub stage: String,
    pub calls: u64,
    /// Of one call.
    pub prompt_tokens: u32,
    pub answer_tokens: u32,
}

impl Planned {
    /// `calls` like one that asks `prompt` and hears `answer_tokens`.
    #[must_use]
    pub fn new(stage: &str, calls: usize, prompt: &str, answer_tokens: u32) -> Self {
        let prompt_tokens = u32::try_from(prompt.len() / LETTERS_PER_TOKEN).unwrap_or(u32::MAX);
        Self { stage: stage.to_owned(), calls: calls as u64, prompt_tokens, answer_tokens }
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub stages: Vec<Planned>,
    pub calls: u64,
    pub tokens: u64,
    /// At the teacher's price, what it thinks beside its answers included at a quarter of what it may.
    pub usd: f64,
}

impl Estimate {
    #[must_use]
    pub fn of(stages: Vec<Planned>, limits: &Limits) -> Self {
        let thought = limits.reasoning_tokens / 4;
        let usage = |stage: &Planned| Usage {
            prompt_tokens: stage.prompt_tokens,
            completion_tokens: stage.answer_tokens.saturating_add(thought),
        };
        let of_all = |of: fn(Usage) -> f64| -> f64 {
            #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
            let sum = stages.iter().map(|stage| stage.calls as f64 * of(usage(stage))).sum();
            sum
        };
        let tokens = stages.iter().map(|stage| {
            let Usage { prompt_tokens, completion_tokens } = usage(stage);
            stage.calls * (u64::from(prompt_tokens) + u64::from(completion_tokens))
        });
        let read = of_all(|usage| f64::from(usage.prompt_tokens));
        let written = of_all(|usage| f64::from(usage.completion_tokens));
        Self {
            calls: stages.iter().map(|stage| stage.calls).sum(),
            tokens: tokens.sum(),
            usd: (read * limits.price.input + written * limits.price.output) / 1e6,
            stages,
        }
    }
}
