//! The thread on which the connections to the server live, for askers on whatever runtime or on none.

use std::future::Future;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};

use crate::RemoteError;

/// The thread; it ends when this is dropped, and what runs on it with it.
pub(crate) struct Worker {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl Worker {
    pub(crate) fn start() -> Result<Self, RemoteError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(RemoteError::Thread)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let handle = runtime.handle().clone();
        let work = move || {
            // Nothing is ever sent: what is waited for is that the other end is gone.
            runtime.block_on(stopped).unwrap_or_default();
        };
        thread::Builder::new().name("student-server".to_owned()).spawn(work).map_err(RemoteError::Thread)?;
        Ok(Self { handle, _stop: stop })
    }

    /// Begins `work` at once; dropping what is given back ends it.
    pub(crate) fn begin<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Work<T> {
        let task = self.handle.spawn(work);
        Work { abort: task.abort_handle(), task }
    }

    /// Begins `work` that nobody waits for.
    pub(crate) fn leave(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(work));
    }

    /// Does `work` to its end. Blocking: never on a runtime's thread.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, RemoteError> {
        let (done, outcome) = mpsc::sync_channel(1);
        self.leave(async move {
            // Whoever asked waits below.
            drop(done.send(work.await));
        });
        outcome.recv().map_err(|_| RemoteError::Ended)
    }
}

/// Work that is being done for somebody.
pub(crate) struct Work<T> {
    task: JoinHandle<T>,
    abort: AbortHandle,
}

impl<T> Work<T> {
    /// Its outcome; nothing if it panicked or the thread ended.
    pub(crate) async fn outcome(mut self) -> Option<T> {
        (&mut self.task).await.ok()
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.abort.abort();
    }
}
