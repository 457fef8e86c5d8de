//! A process that works for a lesson: started niced, overseen, its JSON lines read, killed when it is dropped.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use jobs::{INTERRUPTED, Progress, WAITS};
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::CycleError;
use crate::oversight::Oversight;

/// Last bytes of a process's error output that are kept for the message.
const STDERR_BYTES_MAX: usize = 2_000;

/// Starts of one step after which a killed process is given up.
const KILLS_MAX: u32 = 3;
/// Before a killed process is started again: what killed it may pass, and a stop of the whole group is noticed first.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Runs `program arguments...` to its end and calls `on_line` with what it reports. A process that was
/// killed is started again, after a pause, and goes on from its checkpoint.
///
/// # Errors
/// [`CycleError::Child`] with the process's own words when it does not end well, [`CycleError::Waits`] when it may later,
/// [`CycleError::Killed`] when it was killed [`KILLS_MAX`] times.
pub async fn run(
    program: &Path,
    step: &'static str,
    arguments: &[&OsStr],
    nice: i32,
    on_line: impl FnMut(&Progress),
) -> Result<(), CycleError> {
    run_overseen(program, step, arguments, nice, None, on_line).await
}

/// The same, overseen.
///
/// # Errors
/// As [`run`], and [`CycleError::Ended`] when the program ends.
pub(crate) async fn run_overseen(
    program: &Path,
    step: &'static str,
    arguments: &[&OsStr],
    nice: i32,
    oversight: Option<Oversight<'_>>,
    mut on_line: impl FnMut(&Progress),
) -> Result<(), CycleError> {
    let mut times = 0;
    let is_end = || oversight.as_ref().is_some_and(|oversight| oversight.surroundings.is_end());
    loop {
        let child = spawn(program, arguments, nice)?;
        let ended = run_once(child, step, oversight.as_ref(), &mut on_line).await?;
        let Some(signal) = ended else { return Ok(()) };
        if is_end() {
            return Err(CycleError::Ended);
        }
        times += 1;
        if times >= KILLS_MAX {
            return Err(CycleError::Killed { step, signal, times });
        }
        tracing::warn!(step, signal, times, "a process of the lesson was killed and is started again");
        tokio::time::sleep(RESTART_PAUSE).await;
        if is_end() {
            return Err(CycleError::Ended);
        }
    }
}

fn spawn(program: &Path, arguments: &[&OsStr], nice: i32) -> io::Result<Child> {
    Command::new(program)
        .args(["--nice", &nice.to_string()])
        .args(arguments)
        // A run has threads of its own beside which candle must start none, and a background process must not spin.
        .env("RAYON_NUM_THREADS", "1")
        .env("CANDLE_BARRIER_POOL_SPIN_LIMIT", "1")
        // Freed pages are kept for the next step: every one that is given back has to be cleared again.
        .env("MIMALLOC_PURGE_DELAY", "-1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| io::Error::new(source.kind(), format!("cannot start {}: {source}", program.display())))
}

/// One life of a process; gives back the signal when one ended it.
async fn run_once(
    mut child: Child,
    step: &'static str,
    oversight: Option<&Oversight<'_>>,
    on_line: &mut impl FnMut(&Progress),
) -> Result<Option<i32>, CycleError> {
    let failed = |status: String, message: String| CycleError::Child { step, status, message };
    let process = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
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
            match serde_json::from_str::<Progress>(&line) {
                Ok(progress) => {
                    if let Progress::Failed { error } = &progress {
                        reported = Some(error.clone());
                    }
                    on_line(&progress);
                }
                Err(error) => tracing::warn!(step, %error, line, "a line of the process is not understood"),
            }
        }
    };
    let overseen = async {
        match (oversight, process) {
            (Some(oversight), Some(process)) => oversight.of(process).await,
            _ => std::future::pending().await,
        }
    };
    // Until it is waited for below, its id is no other's.
    let (errors, ()) = tokio::select! {
        said = async { tokio::join!(read_errors, read_lines) } => said,
        never = overseen => match never {},
    };
    let status = child.wait().await.map_err(|error| failed(error.to_string(), String::new()))?;
    match status.signal() {
        Some(signal) => Ok(Some(signal)),
        None if status.success() => Ok(None),
        // It took the signal as a request, and has written down where it stands.
        None if status.code() == Some(i32::from(INTERRUPTED)) => Ok(Some(Signal::TERM.as_raw())),
        None if status.code() == Some(i32::from(WAITS)) => Err(CycleError::Waits { step, message: errors }),
        None => Err(failed(status.to_string(), reported.unwrap_or(errors))),
    }
}
