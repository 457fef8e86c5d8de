//! The server over HTTP: requests, whole answers, and what it says when it refuses.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use teacher::{AnswerError, Called, Client, Endpoint, Outgoing, Resilience, TeacherError, Timeouts, limits};

use crate::{RemoteError, RemoteSettings};

/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Longest part of what the server says that goes into a message, characters.
const SAID_CHARS_MAX: usize = 400;
const CALLED: Called = Called {
    name: "the student's server",
    address_key: "student.remote.url",
    patience_key: "student.remote.timeout_s",
};

/// The way to the server. Belongs to the worker's runtime.
pub(crate) struct Server {
    /// For what lies below `/v1`, and for the rest.
    api: Client,
    root: Client,
    timeout: Duration,
}

/// What the server answered.
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    path: &'static str,
    body: Vec<u8>,
}

impl Server {
    pub(crate) fn new(settings: &RemoteSettings) -> Result<Self, RemoteError> {
        let url = settings.url.trim_end_matches('/');
        let url = url.strip_suffix("/v1").unwrap_or(url);
        let client = |url: &str| Client::new(&endpoint(url, settings)?).map_err(RemoteError::Client);
        Ok(Self { api: client(&format!("{url}/v1"))?, root: client(url)?, timeout: settings.timeout })
    }

    pub(crate) async fn get(&self, path: &'static str) -> Result<Said, RemoteError> {
        self.ask(Method::GET, path, Vec::new()).await
    }

    pub(crate) async fn post(&self, path: &'static str, body: &Value) -> Result<Said, RemoteError> {
        self.ask(Method::POST, path, body.to_string().into_bytes()).await
    }

    async fn ask(&self, method: Method, path: &'static str, body: Vec<u8>) -> Result<Said, RemoteError> {
        let asked = self.ask_at_leisure(method, path, body);
        tokio::time::timeout(self.timeout, asked).await.unwrap_or(Err(RemoteError::Late(self.timeout)))
    }

    async fn ask_at_leisure(&self, method: Method, path: &'static str, body: Vec<u8>) -> Result<Said, RemoteError> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let client = if path.starts_with("/v1/") { &self.api } else { &self.root };
        let answer = client.send(&method, path, None, &headers, Outgoing::Whole(body.into())).await;
        let answer = answer.map_err(|error| RemoteError::Unreachable(error.message))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), limits::ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<AnswerError>() {
            Some(AnswerError::BrokeOff(cause)) => RemoteError::BrokeOff(cause.to_string()),
            Some(_) => RemoteError::Late(self.timeout),
            None => RemoteError::BrokeOff(error.to_string()),
        })?;
        Ok(Said { status, path, body: body.to_bytes().into() })
    }
}

/// Where requests go, patient for as long as one may take.
fn endpoint(url: &str, settings: &RemoteSettings) -> Result<Endpoint, RemoteError> {
    let endpoint = Endpoint::new(url, settings.key.as_deref(), None).map_err(|error| match error {
        TeacherError::BaseUrl { url, problem } => RemoteError::Address { url, problem: problem.to_owned() },
        error => RemoteError::Client(error),
    })?;
    let patience = settings.timeout;
    let timeouts =
        Timeouts { connect: CONNECT_TIME.min(patience), first_byte: patience, idle: patience, total: patience };
    Ok(endpoint.with_resilience(Resilience { timeouts, ..Resilience::default() }).called(CALLED))
}

/// An error's body: OpenAI's shape, what vLLM said before it had that, or the web framework's own.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Option<Value>,
    message: Option<String>,
    detail: Option<Value>,
}

impl Said {
    /// The body where the server agreed.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, RemoteError> {
        if self.status != StatusCode::OK {
            return Err(self.refused());
        }
        let problem = |error: serde_json::Error| RemoteError::NotUnderstood {
            path: self.path,
            problem: format!("{error}: {}", self.beginning()),
        };
        serde_json::from_slice(&self.body).map_err(problem)
    }

    /// What was wrong, in the server's words.
    pub(crate) fn refused(&self) -> RemoteError {
        RemoteError::Refused { status: self.status.as_u16(), path: self.path, said: self.message() }
    }

    /// Whether the server does not know the path at all; what it looked for and did not find has a message of its own.
    pub(crate) fn is_no_such_path(&self) -> bool {
        let refusal = self.refusal();
        self.status == StatusCode::NOT_FOUND && refusal.error.is_none() && refusal.message.is_none()
    }

    pub(crate) fn message(&self) -> String {
        let refusal = self.refusal();
        let within = |error: &Value| {
            let text = error.get("message").and_then(Value::as_str).or_else(|| error.as_str());
            text.map_or_else(|| error.to_string(), str::to_owned)
        };
        let said = refusal.error.as_ref().map(within).or(refusal.message);
        let said = said.or_else(|| refusal.detail.as_ref().map(within));
        said.map_or_else(|| self.beginning(), |said| said.chars().take(SAID_CHARS_MAX).collect())
    }

    fn refusal(&self) -> Refusal {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn beginning(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(SAID_CHARS_MAX).collect()
    }
}
