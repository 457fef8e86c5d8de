//! What the server said to a prompt: an answer with its signals, or why there is none.

use http::StatusCode;
use serde::Deserialize;
use wire::{Answer, Finish, Form, Ineligible, ModelError, Prompt, Usage};

use crate::RemoteError;
use crate::server::Said;
use crate::signals::{self, Token};

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
    logprobs: Option<Logprobs>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Logprobs {
    content: Option<Vec<Token>>,
}

impl From<RemoteError> for ModelError {
    fn from(error: RemoteError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Reads what was said to `prompt`.
pub(crate) fn read(said: &Said, prompt: &Prompt) -> Result<Answer, ModelError> {
    match said.status {
        StatusCode::OK => {}
        // A gateway before several servers says either when all of them are busy, and llama.cpp while it loads.
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => return Err(ModelError::Busy),
        StatusCode::BAD_REQUEST => return Err(of_prompt(said, prompt)),
        _ => return Err(said.refused().into()),
    }
    let Completion { choices, usage } = said.json()?;
    let Some(Choice { message, finish_reason, logprobs }) = choices.into_iter().next() else {
        return Err(RemoteError::NotPlain(None).into());
    };
    let finish = match finish_reason.as_deref() {
        Some("stop") => Finish::Stop,
        Some("length") => Finish::Length,
        _ => return Err(RemoteError::NotPlain(finish_reason).into()),
    };
    let tokens = logprobs.and_then(|logprobs| logprobs.content).unwrap_or_default();
    let signals = signals::of(&tokens).ok_or(RemoteError::NoLogprobs)?;
    Ok(Answer::new(message.content.unwrap_or_default(), finish, usage, signals))
}

/// Why the server would not read the prompt: what can never be asked is no failure of the student's.
fn of_prompt(said: &Said, prompt: &Prompt) -> ModelError {
    let message = said.message();
    if let Some((tokens, limit)) = too_long(&message) {
        return Ineligible::TooLong { tokens, limit }.into();
    }
    match prompt.form {
        Form::JsonSchema(_) => Ineligible::Schema(message).into(),
        Form::Text | Form::JsonObject | Form::Calls(_) => said.refused().into(),
    }
}

/// Tokens of the prompt, with those that it asked for, and the server's limit, where a message is about that:
/// vLLM's `maximum context length is 4096 tokens. However, you requested 5000 tokens`, llama.cpp's
/// `request (5000 tokens) exceeds the available context size (4096 tokens)`.
fn too_long(message: &str) -> Option<(usize, usize)> {
    let numbers = |text: &str| -> Vec<usize> {
        let parts = text.split(|letter: char| !letter.is_ascii_digit());
        parts.filter_map(|digits| digits.parse().ok()).collect()
    };
    let (_, behind) = ["context length", "context size"].iter().find_map(|words| message.split_once(words))?;
    let limit = *numbers(behind).first()?;
    Some((numbers(message).into_iter().max()?, limit))
}
