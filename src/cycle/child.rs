//! A process that works for a lesson: started niced, its JSON lines read, killed when it is dropped.

use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::CycleError;

/// Last bytes of a process's error output that are kept for the message.
const STDERR_BYTES_MAX: usize = 2_000;

/// One line of a training process; unknown lines are passed over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Progress {
    Start {
        examples: u64,
        steps: u64,
    },
    Step {
        step: u64,
        of: u64,
        loss: f64,
    },
    HeldOut {
        loss: f64,
        exact: f64,
    },
    Done {
        steps: u64,
        held_out_loss: f64,
        held_out_exact: f64,
    },
    Failed {
        error: String,
    },
    #[serde(other)]
    Other,
}

/// Runs `program arguments...` to its end and calls `on_line` with what it reports.
///
/// # Errors
/// [`CycleError::Child`] with the process's own words when it does not end well.
pub async fn run(
    program: &Path,
    step: &'static str,
    arguments: &[&std::ffi::OsStr],
    nice: i32,
    mut on_line: impl FnMut(&Progress),
) -> Result<(), CycleError> {
    let failed = |status: String, message: String| CycleError::Child { step, status, message };
    let mut child = Command::new(program)
        .args(["--nice", &nice.to_string()])
        .args(arguments)
        // A micro-batch is one thread's work, and a background process must not spin on cores that serve.
        .env("RAYON_NUM_THREADS", "1")
        .env("CANDLE_BARRIER_POOL_SPIN_LIMIT", "1")
        // Keep freed pages for the next step instead of giving them back (milliseconds).
        .env("MIMALLOC_PURGE_DELAY", "1000")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(CycleError::io("start", program))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read_errors = async move {
        let mut text = Vec::new();
        if let Some(mut stderr) = stderr {
            stderr.read_to_end(&mut text).await.ok();
        }
        let tail = text.len().saturating_sub(STDERR_BYTES_MAX);
        String::from_utf8_lossy(text.get(tail..).unwrap_or_default()).trim().to_owned()
    };
    let mut reported = None;
    let read_lines = async {
        let Some(stdout) = stdout else { return };
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Ok(progress) = serde_json::from_str::<Progress>(&line) {
                if let Progress::Failed { error } = &progress {
                    reported = Some(error.clone());
                }
                on_line(&progress);
            }
        }
    };
    let (errors, ()) = tokio::join!(read_errors, read_lines);
    let status = child.wait().await.map_err(|error| failed(error.to_string(), String::new()))?;
    if status.success() { Ok(()) } else { Err(failed(status.to_string(), reported.unwrap_or(errors))) }
}
