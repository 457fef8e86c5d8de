//! Why the data plane could not be set up. Errors of single requests are `wire::error::ApiError`s.

use std::net::SocketAddr;

/// A failure at start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("teacher.ca_file {path}: {problem}")]
    CaFile { path: String, problem: String },
    #[error("cannot listen on {address}: {source}; stop what uses that port or choose another address")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("cannot start a serving thread: {0}")]
    Thread(std::io::Error),
    #[error("teacher.base_url `{url}` {problem}; it looks like https://api.openai.com/v1")]
    TeacherUrl { url: String, problem: &'static str },
}
