//! Where students answer: in this program, or on a server of their own.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Who computes a student's answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// This machine.
    #[default]
    Local,
    /// A vLLM server; adapters are pushed to it.
    Vllm,
    /// llama.cpp's server; adapters are given to it when it starts.
    LlamaCpp,
}

impl Backend {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Vllm => "vllm",
            Self::LlamaCpp => "llama-cpp",
        }
    }
}

/// The student's server; `[student.remote]` of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Its address without `/v1`.
    pub url: String,
    /// The base's name there.
    pub model: String,
    /// Environment variable with its key.
    pub key_env: Option<String>,
    /// The registry's folder as the server sees it; the same path where it is absent.
    pub path_prefix: Option<PathBuf>,
    /// For one request, an answer's last byte included, seconds.
    pub timeout_s: f64,
}

impl Default for Server {
    fn default() -> Self {
        Self { url: String::new(), model: String::new(), key_env: None, path_prefix: None, timeout_s: 60.0 }
    }
}

impl Server {
    /// What is wrong for `backend`, each with its key; empty when nothing is.
    #[must_use]
    pub fn problems(&self, backend: Backend) -> Vec<String> {
        let mut problems = Vec::new();
        if !(self.timeout_s > 0.0 && self.timeout_s <= 86_400.0) {
            problems.push(format!("timeout_s = {} must be greater than 0 and at most 86400", self.timeout_s));
        }
        if self.path_prefix.as_ref().is_some_and(|path| !path.is_absolute()) {
            problems
                .push("path_prefix must be an absolute path: the registry's folder as the server sees it".to_owned());
        }
        if backend == Backend::Local {
            return problems;
        }
        let name = backend.name();
        if !["http://", "https://"].iter().any(|scheme| self.url.starts_with(scheme)) {
            problems.push(format!(
                "url = {:?} must be the server's address, such as http://gpu-1:8000, where student.backend is \"{name}\"",
                self.url
            ));
        }
        if self.model.is_empty() {
            problems.push(format!(
                "model must be the base's name on the server (GET /v1/models lists it) where student.backend is \"{name}\""
            ));
        }
        problems
    }
}

/// Students that a server answers for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    pub backend: Backend,
    pub server: Server,
    /// The registry's folder, absolute: what the server can see of this machine's files.
    pub registry: PathBuf,
}
