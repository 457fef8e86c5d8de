//! Which of OpenAI's APIs a request speaks, and the reading and writing of each in one place.
//!
//! Stored with every exchange, so that a later reader knows how to read it.

use serde::{Deserialize, Serialize};

use crate::chat::{ChatRequest, RequestError};
use crate::completion::{self, CompletionSummary, Envelope};
use crate::{Answer, Delivery, Prompt};

/// One API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// `POST /v1/chat/completions`
    Chat,
}

impl Api {
    /// The API that is served under `path`.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        (path == Self::Chat.path()).then_some(Self::Chat)
    }

    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
        }
    }

    /// What it is called where it is stored.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Chat => "chat",
        }
    }

    /// The routing view of a request's body.
    ///
    /// # Errors
    /// [`RequestError`] when the body is not JSON or lacks what every request has.
    pub fn parse(self, body: &[u8]) -> Result<ChatRequest<'_>, RequestError> {
        match self {
            Self::Chat => ChatRequest::parse(body),
        }
    }

    /// What an answer's body said; `None` when it is not an answer of this API, or a stream without its end.
    #[must_use]
    pub fn read(self, stream: bool, body: &[u8]) -> Option<CompletionSummary> {
        match self {
            Self::Chat if stream => completion::read_stream(body),
            Self::Chat => completion::read_whole(body),
        }
    }

    /// A student's answer: the content type and the body.
    #[must_use]
    pub fn write(self, delivery: Delivery, envelope: &Envelope<'_>, answer: &Answer) -> (&'static str, Vec<u8>) {
        match self {
            Self::Chat if delivery.stream => {
                ("text/event-stream", completion::write_stream(envelope, answer, delivery.include_usage))
            }
            Self::Chat => ("application/json", completion::write_whole(envelope, answer)),
        }
    }

    /// The body of a request that puts `prompt` to `model`, whole (no stream).
    #[must_use]
    pub fn write_request(self, model: &str, prompt: &Prompt) -> Vec<u8> {
        match self {
            Self::Chat => crate::chat::write_request(model, prompt),
        }
    }
}
