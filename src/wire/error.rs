//! OpenAI's error body: `{"error":{"message","type","param","code"}}`, all four keys always present.

use serde::Serialize;

const UPSTREAM: &str = "apprentice_error";

/// An error of the proxy itself, in the shape every OpenAI client reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiError {
    #[serde(skip)]
    pub status: u16,
    pub message: String,
    pub r#type: &'static str,
    pub param: Option<&'static str>,
    pub code: Option<&'static str>,
    /// When it is worth trying again.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
}

impl ApiError {
    /// The request is at fault: repeating it will not help.
    #[must_use]
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", code, message.into())
    }

    /// The proxy or the way to the teacher is at fault.
    #[must_use]
    pub fn upstream(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(status, UPSTREAM, code, message.into())
    }

    /// A limit is reached; the same request may be sent again after a while.
    #[must_use]
    pub fn limited(code: &'static str, message: impl Into<String>, retry_after_s: u64) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::new(429, "rate_limit_error", code, message.into()) }
    }

    fn new(status: u16, r#type: &'static str, code: &'static str, message: String) -> Self {
        Self { status, message, r#type, param: None, code: Some(code), retry_after_s: None }
    }

    /// Whether the way to the teacher is at fault.
    #[must_use]
    pub fn is_upstream(&self) -> bool {
        self.r#type == UPSTREAM
    }

    /// The JSON body.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a ApiError,
        }
        // Strings and options always serialise.
        serde_json::to_vec(&Body { error: self }).unwrap_or_default()
    }
}
