//! The one seam between those who ask for text and those who write it: teacher, student, script.
//!
//! A plain future and no runtime: a student computes on threads of its own, a teacher is far away, and who
//! asks need not know. No I/O, clock or chance in here.

use std::pin::Pin;
use std::time::Duration;

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

impl Turn {
    /// What `role` says.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into() }
    }
}

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// The most probable token; equal logits go to the lower id.
    Greedy,
    /// Softmax of `logits / temperature` cut to the smallest set of mass `top_p`, drawn with `seed`;
    /// without one the model draws anew each time.
    Random { temperature: f32, top_p: f32, seed: Option<u64> },
}

/// What changes the logits before a token is chosen, and what cuts the distribution beside `top_p`. The default changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decoding {
    /// So many most probable tokens; 0 is all of them.
    pub top_k: u32,
    /// Tokens whose probability is at least this share of the largest one; 0 is all of them.
    pub min_p: f32,
    /// Of every token in prompt and answer: a positive logit is divided by it, a negative one multiplied; 1 is none.
    pub repetition_penalty: f32,
    /// Taken off the logit of every token in the answer, once; 0 is none.
    pub presence_penalty: f32,
    /// The same, as often as the answer has it.
    pub frequency_penalty: f32,
}

impl Default for Decoding {
    fn default() -> Self {
        Self { top_k: 0, min_p: 0.0, repetition_penalty: 1.0, presence_penalty: 0.0, frequency_penalty: 0.0 }
    }
}

/// What a model is asked: a conversation that ends with a user turn, and the limits of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// As the model sees it: functions that it may call are told in there, too.
    pub turns: Vec<Turn>,
    pub max_tokens: u32,
    pub sampling: Sampling,
    pub decoding: Decoding,
    /// Texts that end the answer; the stop text itself is not part of it (OpenAI's `stop`).
    pub stop: Vec<String>,
    pub form: Form,
    /// Whether the answer's tokens are wanted with their log-probabilities, and of how many others that could have stood there.
    pub logprobs: Option<u8>,
    /// How many answers are wanted (OpenAI's `n`); never 0.
    pub choices: u32,
    /// How soon the answer has to be whole. A model that would only be late because of others says that it is busy.
    pub within: Option<Duration>,
}

/// What an answer must be (OpenAI's `response_format` and `tools`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON of this schema.
    JsonSchema(String),
    /// Calls of functions, in their canonical text, or something else where the tools say so.
    Calls(Box<Tools>),
}

/// Functions that an answer may call, or must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// At least one; each has a name of its own.
    pub functions: Vec<Function>,
    pub choice: ToolChoice,
    /// Whether there may be several calls.
    pub parallel: bool,
    /// What an answer must be that calls nothing; never calls itself.
    pub otherwise: Form,
}

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Of letters, digits, `_` and `-`.
    pub name: String,
    pub description: String,
    /// The schema of its arguments: compact JSON, as the client wrote it; `true` where any object will do.
    pub parameters: String,
    /// Whether the client relies on the schema.
    pub strict: bool,
}

/// Whether an answer calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// At least one function is called.
    Required,
    /// This function is called, once.
    Named(String),
}

impl Prompt {
    /// What is asked without anything special.
    #[must_use]
    pub fn new(turns: Vec<Turn>, max_tokens: u32, sampling: Sampling) -> Self {
        Self {
            turns,
            max_tokens,
            sampling,
            decoding: Decoding::default(),
            stop: Vec::new(),
            form: Form::Text,
            logprobs: None,
            choices: 1,
            within: None,
        }
    }

    /// The conversation up to its first user turn: what its later requests begin with too.
    #[must_use]
    pub fn opening(&self) -> Option<String> {
        let first = self.turns.iter().position(|turn| turn.role == Role::User)?;
        let texts: Vec<&str> = self.turns.iter().take(first + 1).map(|turn| turn.text.as_str()).collect();
        Some(texts.join("\n"))
    }
}

/// Why an answer ended, in OpenAI's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    Length,
    Stop,
    /// The text is that of calls.
    ToolCalls,
}

/// Tokens read and written, in the answering model's own tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

/// What the student's own distributions say about its answer, from log-probabilities (nats) of the
/// generated tokens at temperature 1 before any truncation: of an answer in JSON those that hold a part of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Signals {
    /// Those tokens: of plain text all, the closing one included.
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

/// A token, and how probable the model found it.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprob {
    /// What it stands for: a part of a character, maybe.
    pub bytes: Vec<u8>,
    /// Nats, at temperature 1 before any truncation, penalty or form.
    pub logprob: f32,
}

/// A place in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Logprob {
    /// What stands there. What an answer's form forced has a log-probability of 0: nothing else could.
    pub chosen: TokenLogprob,
    /// The most probable ones, as many as were asked for.
    pub top: Vec<TokenLogprob>,
    /// Bytes of the answer's text up to its end.
    pub end: usize,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub text: String,
    pub finish: Finish,
    /// Of all choices together.
    pub usage: Usage,
    pub signals: Signals,
    /// Its tokens in their order, where they were asked for.
    pub logprobs: Option<Vec<Logprob>>,
    /// The other choices, where several were asked for; they have none themselves.
    pub further: Vec<Self>,
}

impl Answer {
    /// An answer of which nobody asked for the tokens.
    #[must_use]
    pub fn new(text: impl Into<String>, finish: Finish, usage: Usage, signals: Signals) -> Self {
        Self { text: text.into(), finish, usage, signals, logprobs: None, further: Vec::new() }
    }

    /// All choices, this one first.
    pub fn choices(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.further)
    }
}

/// Why a request or prompt can never be put to a student, whatever its evidence says: it is the teacher's
/// alone, and no failure of the student. The text is the `x-apprentice-reason`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ineligible {
    /// The request uses a field that a student cannot honour.
    #[error("field-{0}")]
    Field(String),
    /// A message holds what a student cannot read, such as an image.
    #[error("content-{0}")]
    Content(String),
    #[error("messages-malformed")]
    Messages,
    /// The conversation does not end with a user's turn.
    #[error("last-turn-not-user")]
    LastTurn,
    /// The answer must keep to a schema that a student cannot be held to; the text says why.
    #[error("schema-not-supported")]
    Schema(String),
    /// `tokens` of prompt against the `limit` of the student's context; `tokens` may be a lower bound.
    #[error("prompt-too-long")]
    TooLong { tokens: usize, limit: usize },
}

/// Why a model gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Every place in the model's queue is taken, or the answer would be late because of those; nothing is wrong with the model.
    #[error("the model is busy")]
    Busy,
    #[error("the prompt cannot be put to this model: {0}")]
    Ineligible(#[from] Ineligible),
    #[error("the model failed: {0}")]
    Failed(String),
}

/// An answer that is being made. Dropping it ends the work at the next token: whoever stops waiting pays no more.
pub type Answering = Pin<Box<dyn Future<Output = Result<Answer, ModelError>> + Send>>;

/// Something that answers prompts: a student, a teacher, a script.
pub trait ChatModel: Send + Sync {
    /// What `x-apprentice-model` says, such as `shopkeeper@3`.
    fn name(&self) -> &str;

    /// Whether `prompt` can be put to this model at all; costs no more than reading it.
    ///
    /// # Errors
    /// Why not.
    fn accepts(&self, prompt: &Prompt) -> Result<(), Ineligible>;

    /// Answers `prompt`. The work waits in the model's own bounded queue.
    fn answer(&self, prompt: Prompt) -> Answering;
}
