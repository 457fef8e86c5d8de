//! Why the teacher cannot be asked at all. Errors of single requests are `wire::error::ApiError`s.

/// A failure at start.
#[derive(Debug, thiserror::Error)]
pub enum TeacherError {
    #[error("teacher.base_url `{url}` {problem}; it looks like https://api.openai.com/v1")]
    BaseUrl { url: String, problem: &'static str },
    #[error("the certificates to trust in {path} (teacher.ca_file, or --ca-file) cannot be used: {problem}")]
    CaFile { path: String, problem: String },
    #[error("TLS cannot be set up: {problem}")]
    Tls { problem: String },
    /// Names the variable, never its value.
    #[error("the teacher's key holds characters that no header can carry; set it again without line breaks")]
    Key,
}
