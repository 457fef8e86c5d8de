//! The one thread that writes exchanges: bounded queue in, group commit out.
//!
//! A full queue drops and counts. A write error (the disk is full or failing) drops the batch and stops capturing
//! for a while; then it is tried again. Traffic goes on. The thread polls rather than being woken: a wake-up per exchange would cost
//! the serving threads more than the rest of the capture together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use telemetry::Metrics;

use crate::{CaptureStore, Exchange};

/// Exchanges that may wait to be written.
pub const QUEUE_MAX: usize = 4096;
/// Exchanges written in one commit.
pub const BATCH_MAX: usize = 1024;
/// How long the thread sleeps when there is nothing to write.
const POLL: Duration = Duration::from_millis(5);
/// How long nothing is tried after a write error.
pub const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// What serving code holds: hands exchanges over and never waits.
#[derive(Clone, Debug)]
pub struct Capture {
    queue: SyncSender<Exchange>,
    stopped: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

impl Capture {
    /// Queues `exchange`, or drops and counts it.
    pub fn keep(&self, exchange: Exchange) {
        if self.stopped.load(Ordering::Relaxed) {
            self.drop_one("stopped");
            return;
        }
        match self.queue.try_send(exchange) {
            Ok(()) => self.metrics.capture_queue_length().add(1.0),
            Err(TrySendError::Full(_)) => self.drop_one("queue-full"),
            Err(TrySendError::Disconnected(_)) => self.drop_one("stopped"),
        }
    }

    /// Counts an exchange that could not even be queued, such as one whose bytes are not text.
    pub fn drop_one(&self, reason: &'static str) {
        self.metrics.capture_dropped_total(reason).inc();
    }
}

/// The writing thread; [`Writer::finish`] waits until all that was queued is on disk.
#[derive(Debug)]
pub struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the thread; after a write error nothing is tried for `retry_pause`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        store: Arc<dyn CaptureStore>,
        metrics: Arc<Metrics>,
        retry_pause: Duration,
    ) -> std::io::Result<(Capture, Self)> {
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let (stop, stopped) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let capture = Capture { queue, stopped: stopped.clone(), metrics: metrics.clone() };
        let mut writing = Writing { waiting, store, stopped, metrics, retry_pause, failed_at: None };
        let stopping = stop.clone();
        let work = move || while writing.round(stopping.load(Ordering::Acquire)) {};
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

/// What the thread works with.
struct Writing {
    waiting: Receiver<Exchange>,
    store: Arc<dyn CaptureStore>,
    stopped: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    retry_pause: Duration,
    failed_at: Option<Instant>,
}

impl Writing {
    /// One round: writes a batch or sleeps. Returns whether to go on.
    fn round(&mut self, stopping: bool) -> bool {
        if self.failed_at.is_some_and(|at| at.elapsed() >= self.retry_pause) {
            // What comes from now on is the next try.
            self.failed_at = None;
            self.stopped.store(false, Ordering::Relaxed);
        }
        let batch: Vec<Exchange> = self.waiting.try_iter().take(BATCH_MAX).collect();
        if batch.is_empty() {
            thread::sleep(POLL);
            return !stopping;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most BATCH_MAX")]
        self.metrics.capture_queue_length().add(-(batch.len() as f64));
        match self.store.append(&batch) {
            Ok(skipped) => {
                self.metrics.captured_total().inc_by((batch.len() - skipped) as u64);
                self.metrics.capture_dropped_total("too-large").inc_by(skipped as u64);
                self.metrics.capture_stopped().set(0.0);
            }
            Err(error) => {
                self.stopped.store(true, Ordering::Relaxed);
                self.failed_at = Some(Instant::now());
                self.metrics.capture_stopped().set(1.0);
                self.metrics.capture_dropped_total("write-error").inc_by(batch.len() as u64);
                let retry_s = self.retry_pause.as_secs();
                tracing::error!(%error, lost = batch.len(), retry_s, "exchanges could not be stored; traffic goes on, capturing is tried again");
            }
        }
        true
    }
}
