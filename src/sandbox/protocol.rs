//! What the two processes say to each other, each message as one frame of JSON: the parent sends one [`Greeting`], the
//! worker answers [`Hello`]; then every [`Request`] is answered by [`Reply::Refused`], or by [`Reply::Compiled`] and one
//! [`Reply::Outcome`] for each input, sent as soon as it is known.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Raised with every change of the messages: a worker of another build is not taken for one of ours.
pub const PROTOCOL: u32 = 1;
/// Characters of a message or a value that are passed on.
pub const TEXT_CHARS_MAX: usize = 300;
/// The worker's exit status when a function took more memory than it may between two checks of the interpreter.
pub const MEMORY_EXIT_CODE: i32 = 65;

/// What one application of a function to one input may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall time of the interpreter, milliseconds; the parent kills a worker that is silent three times as long.
    pub time_ms: u64,
    /// Memory beyond the idle worker and the request itself, bytes.
    pub memory_bytes: usize,
    /// What `print` may write, bytes; it is counted and thrown away.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time_ms: 1_000, memory_bytes: 64 * 1024 * 1024, output_bytes: 64 * 1024 }
    }
}

/// The parent's first message.
#[derive(Debug, Serialize, Deserialize)]
pub struct Greeting {
    /// [`PROTOCOL`] of the parent.
    pub protocol: u32,
    /// What every evaluation may take.
    pub limits: Limits,
}

/// The worker's first message.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the worker.
    pub protocol: u32,
    /// What it found closed.
    pub protections: Protections,
}

/// What the kernel closes to a worker, as the worker found it by trying. All false on a kernel without seccomp: then the
/// interpreter, which has no access to the host, is the one wall besides the resource limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protections {
    /// System calls outside a short list are refused (seccomp).
    pub system_calls_filtered: bool,
    /// No file can be opened.
    pub files_closed: bool,
    /// No socket can be made.
    pub network_closed: bool,
}

/// One function and what it is to be applied to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request<'a> {
    /// Python source that defines the function.
    pub source: Cow<'a, str>,
    /// The function's name.
    pub function: Cow<'a, str>,
    /// Each is passed as the one argument, a `str`. The source is compiled once and run afresh for each, so that no
    /// evaluation sees what another left in a global variable.
    pub inputs: Cow<'a, [String]>,
}

/// The worker's messages for one [`Request`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The source is compiled, the outcomes follow.
    Compiled,
    /// The source does not compile, no outcomes follow.
    Refused {
        /// Why, in the interpreter's words.
        message: String,
    },
    /// What became of the next input.
    Outcome(Outcome),
}

/// What became of one function and one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The function said yes or no. The strings `true` and `false` in any case count as answers, and `None`, a function's end
    /// without `return`, as no: models write both.
    Value(bool),
    /// The function returned something else.
    NotBool {
        /// The value's `repr`, cut to [`TEXT_CHARS_MAX`].
        repr: String,
    },
    /// The function, or the source around it, raised an exception.
    Raised {
        /// The exception's class, such as `IndexError`.
        exception: String,
        /// Its text, cut to [`TEXT_CHARS_MAX`].
        message: String,
    },
    /// The source is not Python, or uses what this interpreter lacks: the author may be asked to write it again within
    /// [`crate::SUBSET`].
    Unsupported {
        /// What is missing, in the interpreter's words, cut to [`TEXT_CHARS_MAX`].
        message: String,
    },
    /// The source does not define the function.
    NoFunction,
    /// Longer than [`Limits::time_ms`], or a worker silent for three times that.
    TimeLimit,
    /// More than [`Limits::memory_bytes`].
    MemoryLimit,
    /// Printed more than [`Limits::output_bytes`].
    OutputLimit,
    /// The worker died of it, or was killed from outside meanwhile.
    Crashed {
        /// How the process ended.
        how: String,
    },
}
