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
}

impl ApiError {
    /// The request is at fault: repeating it will not help.
    #[must_use]
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into(), r#type: "invalid_request_error", param: None, code: Some(code) }
    }

    /// The proxy or the way to the teacher is at fault.
    #[must_use]
    pub fn upstream(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), r#type: UPSTREAM, param: None, code: Some(code) }
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
