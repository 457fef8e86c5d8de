//! The one seam between those who ask for text and those who write it: teacher, student, script.
//!
//! It is blocking on purpose: a student is pure computation and runs on a worker thread, and a
//! caller that must not block decides for itself where to run it. No I/O, clock or chance in here.

use std::ops::ControlFlow;

/// Who speaks in a conversation, after OpenAI's `developer` and `system` have been folded into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Assistant,
    #[serde(alias = "developer")]
    System,
    User,
}

/// One message of a conversation, text only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Turn {
    pub role: Role,
    #[serde(rename = "content")]
    pub text: String,
}

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// The most probable token; equal logits go to the lower id.
    Greedy,
    /// Softmax of `logits / temperature` cut to the smallest set of mass `top_p`, drawn with `seed`.
    Random { temperature: f32, top_p: f32, seed: u64 },
}

/// What a model is asked: a conversation that ends with a user turn, and the limits of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    pub turns: Vec<Turn>,
    pub max_tokens: u32,
    pub sampling: Sampling,
    /// Texts that end the answer; the stop text itself is not part of it (OpenAI's `stop`).
    pub stop: Vec<String>,
}

/// Why an answer ended, in OpenAI's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    Length,
    Stop,
}

/// Tokens read and written, in the answering model's own tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

/// What the student's own distributions say about its answer, from log-probabilities (nats) of the
/// generated tokens at temperature 1 before any truncation.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Signals {
    /// Generated tokens, the closing one included.
    pub tokens: u32,
    pub mean_logprob: f32,
    pub min_logprob: f32,
    /// The 10 % quantile of the tokens' log-probabilities.
    pub q10_logprob: f32,
    /// Mean entropy of the next-token distribution, nats.
    pub mean_entropy: f32,
    /// Mean difference between the two largest probabilities.
    pub mean_margin: f32,
    /// Share of tokens with a probability below one half.
    pub low_share: f32,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub text: String,
    pub finish: Finish,
    pub usage: Usage,
    pub signals: Signals,
}

/// Why a model gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("the caller stopped the answer")]
    Cancelled,
    #[error("the prompt has {tokens} tokens and the student holds {limit}")]
    PromptTooLong { tokens: usize, limit: usize },
    #[error("the prompt cannot be put to this model: {0}")]
    Unsupported(String),
    #[error("the model failed: {0}")]
    Failed(String),
}

/// Something that answers prompts.
pub trait ChatModel: Send + Sync {
    /// What `x-apprentice-model` says, such as `shopkeeper@3`.
    fn name(&self) -> &str;

    /// Answers `prompt`, calling `on_text` with each piece of text as it is made; a `Break` from it
    /// ends the work with [`ModelError::Cancelled`]. Blocks until the answer is complete.
    fn answer(&self, prompt: &Prompt, on_text: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<Answer, ModelError>;
}
