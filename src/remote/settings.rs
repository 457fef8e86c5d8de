//! Which server is asked, and how.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wire::Usage;

use crate::RemoteError;

/// How adapters come to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// vLLM's OpenAI-compatible server with `--enable-lora`.
    Vllm,
    /// llama.cpp's `llama-server` with `--lora`.
    LlamaCpp,
}

/// A student's server.
#[derive(Clone)]
pub struct RemoteSettings {
    pub protocol: Protocol,
    /// Its address without `/v1`.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub key: Option<String>,
    /// The base's name on the server.
    pub model: String,
    pub folders: Folders,
    /// Answers that are asked for at the same time.
    pub rows: usize,
    /// Prompts that may wait beyond them; further ones find the student busy.
    pub queue: usize,
    /// For one request, its answer's last byte included.
    pub timeout: Duration,
}

/// The folder of all adapters as this machine sees it, and as the server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Absolute.
    pub here: PathBuf,
    pub there: PathBuf,
}

impl Folders {
    /// Where the server finds the adapter in `dir`.
    pub(crate) fn on_server(&self, dir: &Path) -> Result<PathBuf, RemoteError> {
        let below = dir.strip_prefix(&self.here);
        let outside = |_| RemoteError::OutsideFolder { adapter: dir.to_owned(), folder: self.here.clone() };
        Ok(self.there.join(below.map_err(outside)?))
    }
}

/// What the server is doing for this program, and what an answer that has just ended took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Answers that are being asked for.
    pub rows: usize,
    /// Prompts that wait for their turn here.
    pub waiting: usize,
    pub usage: Usage,
}

/// Hears of every change.
pub type Observer = Box<dyn Fn(&Load) + Send + Sync>;
