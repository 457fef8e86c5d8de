//! One worker process: started with nothing of ours but two pipes, greeted, asked, killed when it is dropped.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::error::SandboxError;
use crate::frame::{self, REPLY_BYTES_MAX};
use crate::protocol::{Greeting, Hello, MEMORY_EXIT_CODE, Outcome, PROTOCOL, Protections, Reply, Request};
use crate::settings::Settings;

/// Before a started program must have said hello; generous, as nothing but a broken installation comes near it.
const HELLO_WAIT: Duration = Duration::from_secs(20);
/// Between a worker's last word and its exit status.
const EXIT_WAIT: Duration = Duration::from_secs(1);
/// Time limits that a worker may be silent.
const SILENT_LIMITS: u32 = 3;

/// A running worker. Dropping it kills the process.
pub(crate) struct Worker {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    silence: Duration,
    /// Requests it has answered.
    pub answered: u32,
    pub protections: Protections,
}

/// A worker is lost.
pub(crate) struct Lost {
    /// What that means for the input it was at, or for the whole source.
    pub outcome: Outcome,
    /// Before the source was compiled.
    pub compiling: bool,
}

impl Worker {
    /// Starts the program in `folder` and greets it.
    ///
    /// # Errors
    /// [`SandboxError::Missing`], [`SandboxError::Start`], [`SandboxError::NotAWorker`].
    pub(crate) async fn start(settings: &Settings, folder: &Path) -> Result<Self, SandboxError> {
        let path = &settings.program;
        let mut child = Command::new(path)
            .env_clear()
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => SandboxError::Missing { path: path.clone() },
                _ => SandboxError::Start { path: path.clone(), source },
            })?;
        let not_a_worker = |said: String| SandboxError::NotAWorker { path: path.clone(), said };
        let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(not_a_worker("no pipes".to_owned()));
        };
        let greet = async {
            stdin.write_all(&frame::encode(&Greeting { protocol: PROTOCOL, limits: settings.limits })?).await?;
            frame::read_async::<Hello>(&mut stdout, REPLY_BYTES_MAX).await
        };
        let hello = match timeout(HELLO_WAIT, greet).await {
            Ok(Ok(hello)) if hello.protocol == PROTOCOL => hello,
            Ok(Ok(hello)) => return Err(not_a_worker(format!("protocol {}, not {PROTOCOL}", hello.protocol))),
            Ok(Err(error)) => return Err(not_a_worker(error.to_string())),
            Err(_elapsed) => return Err(not_a_worker(format!("silent for {} s", HELLO_WAIT.as_secs()))),
        };
        let silence = Duration::from_millis(settings.limits.time_ms).saturating_mul(SILENT_LIMITS);
        Ok(Self { child, stdin, stdout, silence, answered: 0, protections: hello.protections })
    }

    /// Adds one outcome for each input to `outcomes`; where the worker is lost, those that came before.
    pub(crate) async fn run(&mut self, request: &Request<'_>, outcomes: &mut Vec<Outcome>) -> Result<(), Lost> {
        let sent = self.exchange(request).await;
        match self.unless_lost(sent, true).await? {
            Reply::Compiled => {}
            Reply::Refused { message } => {
                outcomes.extend(request.inputs.iter().map(|_| Outcome::Unsupported { message: message.clone() }));
                self.answered += 1;
                return Ok(());
            }
            Reply::Outcome(_) => return Err(out_of_turn(true)),
        }
        for _ in request.inputs.iter() {
            let reply = self.reply().await;
            match self.unless_lost(reply, false).await? {
                Reply::Outcome(outcome) => outcomes.push(outcome),
                Reply::Compiled | Reply::Refused { .. } => return Err(out_of_turn(false)),
            }
        }
        self.answered += 1;
        Ok(())
    }

    async fn exchange(&mut self, request: &Request<'_>) -> io::Result<Reply> {
        let frame = frame::encode(request)?;
        match timeout(self.silence, self.stdin.write_all(&frame)).await {
            Ok(written) => written?,
            Err(_elapsed) => return Err(io::ErrorKind::TimedOut.into()),
        }
        self.reply().await
    }

    async fn reply(&mut self) -> io::Result<Reply> {
        let reply = frame::read_async(&mut self.stdout, REPLY_BYTES_MAX);
        timeout(self.silence, reply).await.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn unless_lost(&mut self, reply: io::Result<Reply>, compiling: bool) -> Result<Reply, Lost> {
        let error = match reply {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let outcome = match error.kind() {
            io::ErrorKind::TimedOut => Outcome::TimeLimit,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                match timeout(EXIT_WAIT, self.child.wait()).await {
                    Ok(Ok(status)) => from_exit(status),
                    Ok(Err(error)) => Outcome::Crashed { how: error.to_string() },
                    Err(_elapsed) => Outcome::Crashed { how: "closed its output and did not end".to_owned() },
                }
            }
            _ => Outcome::Crashed { how: format!("broke the protocol: {error}") },
        };
        Err(Lost { outcome, compiling })
    }
}

fn from_exit(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(MEMORY_EXIT_CODE), _) => Outcome::MemoryLimit,
        (_, Some(signal)) => Outcome::Crashed { how: format!("ended by signal {signal}") },
        _ => Outcome::Crashed { how: format!("ended with {status}") },
    }
}

fn out_of_turn(compiling: bool) -> Lost {
    Lost { outcome: Outcome::Crashed { how: "broke the protocol: a reply out of turn".to_owned() }, compiling }
}
