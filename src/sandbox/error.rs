//! What can go wrong with the pool itself; what a function does is never an error.

use std::io;
use std::path::PathBuf;

/// Why nothing was evaluated.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The worker program is not there.
    #[error("there is no worker program at {}: build it with `cargo build -p sandbox`, or install it beside this program", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The operating system did not start it.
    #[error("the worker program {} cannot be started: {source}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program started, but is no worker of this build.
    #[error("{} did not answer as a worker of this build ({said}): build both programs from one source", path.display())]
    NotAWorker {
        /// The program.
        path: PathBuf,
        /// What it did instead.
        said: String,
    },
    /// The empty working folder could not be made.
    #[error("no temporary folder for the workers: {0}")]
    Folder(io::Error),
    /// The running program's own place is unknown.
    #[error("the running program's own path is unknown: {0}")]
    OwnPath(io::Error),
    /// A count of the settings is zero.
    #[error("`{key}` of the sandbox is 0; it is at least 1")]
    Zero {
        /// The field of `Settings` or `Limits`.
        key: &'static str,
    },
    /// The source is too long to be a verifier.
    #[error("the source has {bytes} bytes; {max} are accepted")]
    SourceTooLong {
        /// Its length.
        bytes: usize,
        /// The most that is accepted.
        max: usize,
    },
    /// One request's inputs are too long together.
    #[error("the inputs have {bytes} bytes together; {max} are accepted in one request")]
    InputsTooLong {
        /// Their length.
        bytes: usize,
        /// The most that is accepted.
        max: usize,
    },
    /// The name cannot be a Python function's.
    #[error("`{name}` is not a function name (letters, digits and underscores of ASCII, 64 at most)")]
    FunctionName {
        /// Its first characters.
        name: String,
    },
    /// The queue is full.
    #[error("{waiting} requests wait for a worker already; try again later")]
    Busy {
        /// The queue's length.
        waiting: usize,
    },
}
