//! The one thread that writes exchanges: bounded queue in, group commit out.
//!
//! A full queue drops and counts; a write error stops capturing for good (the disk is full or failing)
//! while traffic goes on. The thread polls rather than being woken: a wake-up per exchange would cost
//! the serving threads more than the rest of the capture together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use telemetry::Metrics;

use crate::{CaptureStore, Exchange};

/// Exchanges that may wait to be written.
pub const QUEUE_MAX: usize = 4096;
/// Exchanges written in one commit.
pub const BATCH_MAX: usize = 1024;
/// How long the thread sleeps when there is nothing to write.
const POLL: Duration = Duration::from_millis(5);

/// What serving code holds: hands exchanges over and never waits.
#[derive(Clone, Debug)]
pub struct Capture {
    queue: SyncSender<Exchange>,
    poisoned: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

impl Capture {
    /// Queues `exchange`, or drops and counts it.
    pub fn keep(&self, exchange: Exchange) {
        if self.poisoned.load(Ordering::Relaxed) {
            self.drop_one("stopped");
            return;
        }
        match self.queue.try_send(exchange) {
            Ok(()) => self.metrics.capture_queue.inc(),
            Err(TrySendError::Full(_)) => self.drop_one("queue-full"),
            Err(TrySendError::Disconnected(_)) => self.drop_one("stopped"),
        }
    }

    /// Counts an exchange that could not even be queued, such as one whose bytes are not text.
    pub fn drop_one(&self, reason: &'static str) {
        self.metrics.capture_dropped.with_label_values(&[reason]).inc();
    }
}

/// The writing thread; [`Writer::finish`] waits until all that was queued is on disk.
#[derive(Debug)]
pub struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(store: Arc<dyn CaptureStore>, metrics: Arc<Metrics>) -> std::io::Result<(Capture, Self)> {
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let (stop, poisoned) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let capture = Capture { queue, poisoned: poisoned.clone(), metrics: metrics.clone() };
        let stopping = stop.clone();
        let work = move || while run(&waiting, store.as_ref(), &poisoned, &metrics, &stopping) {};
        let thread = thread::Builder::new().name("capture".into()).spawn(work)?;
        Ok((capture, Self { stop, thread }))
    }

    /// Writes what is queued and ends the thread.
    pub fn finish(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            tracing::error!("the capture thread panicked");
        }
    }
}

/// One round: writes a batch or sleeps. Returns whether to go on.
fn run(
    waiting: &Receiver<Exchange>,
    store: &dyn CaptureStore,
    poisoned: &AtomicBool,
    metrics: &Metrics,
    stop: &AtomicBool,
) -> bool {
    let stopping = stop.load(Ordering::Acquire);
    let batch: Vec<Exchange> = waiting.try_iter().take(BATCH_MAX).collect();
    if batch.is_empty() {
        thread::sleep(POLL);
        return !stopping;
    }
    metrics.capture_queue.sub(i64::try_from(batch.len()).unwrap_or(i64::MAX));
    match store.append(&batch) {
        Ok(skipped) => {
            metrics.captured.inc_by((batch.len() - skipped) as u64);
            metrics.capture_dropped.with_label_values(&["too-large"]).inc_by(skipped as u64);
            true
        }
        Err(error) => {
            poisoned.store(true, Ordering::Relaxed);
            metrics.capture_poisoned.set(1);
            metrics.capture_dropped.with_label_values(&["write-error"]).inc_by(batch.len() as u64);
            tracing::error!(%error, "capture stopped: traffic goes on, nothing more is kept until a restart");
            false
        }
    }
}
