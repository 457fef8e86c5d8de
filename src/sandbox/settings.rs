//! What a pool is told, and where its worker program lies.

use std::path::{Path, PathBuf};

use crate::error::SandboxError;
use crate::protocol::Limits;

/// The worker program's file name.
const WORKER: &str = "apprentice-verify";

/// What a [`crate::Pool`] is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The worker program, see [`beside_current_exe`].
    pub program: PathBuf,
    /// Worker processes at once.
    pub workers: usize,
    /// Functions that one worker runs before a fresh one takes its place.
    pub functions_per_worker: u32,
    /// Requests that may wait for a worker.
    pub queue: usize,
    /// What one evaluation may take.
    pub limits: Limits,
}

impl Settings {
    /// Two workers, 500 functions each, 1,000 waiting requests, the default limits.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program, workers: 2, functions_per_worker: 500, queue: 1_000, limits: Limits::default() }
    }

    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        let zero = [
            ("workers", self.workers == 0),
            ("functions_per_worker", self.functions_per_worker == 0),
            ("limits.time_ms", self.limits.time_ms == 0),
            ("limits.memory_bytes", self.limits.memory_bytes == 0),
        ];
        match zero.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((key, _)) => Err(SandboxError::Zero { key }),
            None => Ok(()),
        }
    }
}

/// The worker program in the folder of the running program. Cargo puts examples and tests one folder below the programs.
///
/// # Errors
/// [`SandboxError::Missing`] with what to build, [`SandboxError::OwnPath`].
pub fn beside_current_exe() -> Result<PathBuf, SandboxError> {
    let own = std::env::current_exe().map_err(SandboxError::OwnPath)?;
    let folder = own.parent().unwrap_or_else(|| Path::new("/"));
    let below = folder.file_name().is_some_and(|name| name == "examples" || name == "deps");
    let path = if below { folder.with_file_name(WORKER) } else { folder.join(WORKER) };
    if path.is_file() { Ok(path) } else { Err(SandboxError::Missing { path }) }
}
