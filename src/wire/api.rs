//! Which of OpenAI's APIs a request speaks, and the reading and writing of each in one place.
//!
//! Stored with every exchange, so that a later reader knows how to read it.

use serde::{Deserialize, Serialize};

use crate::answer::{CompletionSummary, Envelope, Spent};
use crate::chat::{self, Chat, completion};
use crate::request::Request;
use crate::request::fields::RequestError;
use crate::responses::{self, Responses, reading, writing};
use crate::{Answer, Delivery, Prompt};

/// One API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/responses`
    Responses,
}

impl Api {
    /// The API whose requests are posted to `path`; what else lies below it is no API of its own.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        [Self::Chat, Self::Responses].into_iter().find(|api| api.path() == path)
    }

    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
        }
    }

    /// What it is called where it is stored.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
        }
    }

    /// The field in which an answer says how many tokens it read.
    #[must_use]
    pub fn usage_field(self) -> &'static str {
        match self {
            Self::Chat => "prompt_tokens",
            Self::Responses => "input_tokens",
        }
    }

    /// The routing view of a request's body.
    ///
    /// # Errors
    /// [`RequestError`] when the body is not JSON or lacks what every request has.
    pub fn parse(self, body: &[u8]) -> Result<Request<'_>, RequestError> {
        match self {
            Self::Chat => Request::parse(&Chat, body),
            Self::Responses => Request::parse(&Responses, body),
        }
    }

    /// What an answer's body said; `None` when it is not an answer of this API, or a stream without its end.
    #[must_use]
    pub fn read(self, stream: bool, body: &[u8]) -> Option<CompletionSummary> {
        match self {
            Self::Chat if stream => completion::read_stream(body),
            Self::Chat => completion::read_whole(body),
            Self::Responses if stream => reading::read_stream(body),
            Self::Responses => reading::read_whole(body),
        }
    }

    /// What an answer's body says that it took: for whoever need not know what was said.
    #[must_use]
    pub fn read_spent(self, stream: bool, body: &[u8]) -> Option<Spent> {
        match self {
            _ if stream => self.read(stream, body).map(|summary| summary.spent),
            Self::Chat => completion::read_spent(body),
            Self::Responses => reading::read_spent(body),
        }
    }

    /// A student's answer: the content type and the body.
    #[must_use]
    pub fn write(self, delivery: Delivery, envelope: &Envelope<'_>, answer: &Answer) -> (&'static str, Vec<u8>) {
        let body = match self {
            Self::Chat if delivery.stream => completion::write_stream(envelope, answer, delivery.include_usage),
            Self::Chat => completion::write_whole(envelope, answer),
            Self::Responses if delivery.stream => writing::write_stream(envelope, answer),
            Self::Responses => writing::write_whole(envelope, answer),
        };
        (if delivery.stream { "text/event-stream" } else { "application/json" }, body)
    }

    /// The body of a request that puts `prompt` to `model`, whole (no stream).
    #[must_use]
    pub fn write_request(self, model: &str, prompt: &Prompt) -> Vec<u8> {
        match self {
            Self::Chat => chat::write_request(model, prompt),
            Self::Responses => responses::write_request(model, prompt),
        }
    }
}
