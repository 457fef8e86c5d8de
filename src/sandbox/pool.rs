//! A few workers, lent to one request at a time.
//!
//! A request owns its worker until every reply is read, and gives it back only then: a request that is dropped half-way,
//! or whose worker is lost, takes the process with it.

use std::borrow::Cow;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::SandboxError;
use crate::process::{Lost, Worker};
use crate::protocol::{Outcome, Protections, Request};
use crate::settings::Settings;

/// Bytes of a source.
const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one request's inputs together.
const INPUTS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters of a function's name.
const NAME_CHARS_MAX: usize = 64;

/// The workers, and the queue before them.
pub struct Pool {
    settings: Settings,
    folder: TempDir,
    idle: Mutex<Vec<Worker>>,
    /// One permit for each worker that may run.
    places: Semaphore,
    /// One permit for each request that runs or waits.
    admitted: Semaphore,
    protections: Protections,
}

impl Pool {
    /// Starts one worker, to know that the program is one; the others start when they are needed.
    ///
    /// # Errors
    /// [`SandboxError::Zero`], [`SandboxError::Folder`], and those of a program that is missing, cannot be started or is no
    /// worker.
    pub async fn start(settings: Settings) -> Result<Self, SandboxError> {
        settings.check()?;
        let folder = tempfile::tempdir().map_err(SandboxError::Folder)?;
        let first = Worker::start(&settings, folder.path()).await?;
        Ok(Self {
            protections: first.protections,
            idle: Mutex::new(vec![first]),
            places: Semaphore::new(settings.workers),
            admitted: Semaphore::new(settings.workers.saturating_add(settings.queue).min(Semaphore::MAX_PERMITS)),
            folder,
            settings,
        })
    }

    /// What the kernel closes to the workers.
    pub fn protections(&self) -> Protections {
        self.protections
    }

    /// Applies the function `function` of `source` to each of `inputs`; one outcome for each, in their order. Dropping the
    /// future kills the worker it held.
    ///
    /// # Errors
    /// What is too long or misnamed is refused before anything is sent, [`SandboxError::Busy`] when the queue is full, and
    /// those of starting a worker. Nothing that the function does.
    pub async fn evaluate(
        &self,
        source: &str,
        function: &str,
        inputs: &[String],
    ) -> Result<Vec<Outcome>, SandboxError> {
        check(source, function, inputs)?;
        let _admitted =
            self.admitted.try_acquire().map_err(|_full| SandboxError::Busy { waiting: self.settings.queue })?;
        let _place: Option<SemaphorePermit<'_>> = self.places.acquire().await.ok();
        let mut outcomes = Vec::with_capacity(inputs.len());
        while outcomes.len() < inputs.len() {
            let idle = self.idle.lock().pop();
            let was_idle = idle.is_some();
            let mut worker = match idle {
                Some(worker) => worker,
                None => Worker::start(&self.settings, self.folder.path()).await?,
            };
            let open = inputs.get(outcomes.len()..).unwrap_or_default();
            let request = Request { source: source.into(), function: function.into(), inputs: Cow::Borrowed(open) };
            match worker.run(&request, &mut outcomes).await {
                Ok(()) => self.give_back(worker),
                // It may have died while it was idle, which is not this source's fault: another one tells.
                Err(Lost { compiling: true, outcome: Outcome::Crashed { .. } }) if was_idle => {}
                Err(Lost { compiling: true, outcome }) => outcomes.resize(inputs.len(), outcome),
                Err(Lost { compiling: false, outcome }) => outcomes.push(outcome),
            }
        }
        Ok(outcomes)
    }

    fn give_back(&self, worker: Worker) {
        if worker.answered < self.settings.functions_per_worker {
            self.idle.lock().push(worker);
        }
    }
}

fn check(source: &str, function: &str, inputs: &[String]) -> Result<(), SandboxError> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(SandboxError::SourceTooLong { bytes: source.len(), max: SOURCE_BYTES_MAX });
    }
    let bytes = inputs.iter().map(String::len).sum();
    if bytes > INPUTS_BYTES_MAX {
        return Err(SandboxError::InputsTooLong { bytes, max: INPUTS_BYTES_MAX });
    }
    let begins = function.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let goes_on = function.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if !begins || !goes_on || function.len() > NAME_CHARS_MAX {
        return Err(SandboxError::FunctionName { name: function.chars().take(NAME_CHARS_MAX).collect() });
    }
    Ok(())
}
