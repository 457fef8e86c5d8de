//! The one thread that writes exchanges: what waits goes into the log in groups, each synced once.
//!
//! A write error (the disk is full or failing) drops the group and stops capturing for a while; then it is tried again. Traffic goes
//! on. The thread looks at the queue again and again rather than being woken for every exchange.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use telemetry::Metrics;

use crate::CaptureError;
use crate::limits::{BATCH_BYTES_MAX, BATCH_MAX, GO_ON_AT, LINGER, RUSH, WAKE_AT};
use crate::queue::{Capture, Queue, bytes_of};
use crate::record::Exchange;
use crate::segments::CaptureStore;

/// How the writer works.
#[derive(Clone, Copy, Debug)]
pub struct WriterSettings {
    /// Bytes of exchanges that may wait to be written.
    pub queue_bytes_max: usize,
    /// How long nothing is tried after a write error.
    pub retry_pause: Duration,
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
    pub fn start(
        store: Arc<dyn CaptureStore>,
        metrics: Arc<Metrics>,
        settings: WriterSettings,
    ) -> std::io::Result<(Capture, Self)> {
        let queue = Queue::new(settings.queue_bytes_max, metrics.clone());
        let stop = Arc::<AtomicBool>::default();
        let mut writing = Writing {
            queue: queue.clone(),
            store,
            metrics,
            retry_pause: settings.retry_pause,
            failed_at: None,
            taken_at: Instant::now(),
        };
        let stopping = stop.clone();
        let work = move || while writing.round(stopping.load(Ordering::Acquire)) {};
        let thread = thread::Builder::new().name("capture".into()).spawn(work)?;
        queue.writer.get_or_init(|| thread.thread().clone());
        Ok((Capture(queue), Self { stop, thread }))
    }

    /// Writes what is queued and ends the thread.
    pub fn finish(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            tracing::error!("the capture thread panicked");
        }
    }
}

/// What the thread works with.
struct Writing {
    queue: Arc<Queue>,
    store: Arc<dyn CaptureStore>,
    metrics: Arc<Metrics>,
    retry_pause: Duration,
    failed_at: Option<Instant>,
    /// When the queue was last emptied.
    taken_at: Instant,
}

/// How many of so many that wait are written in one commit. In a rush it is half of them: while the second half is written those who had
/// waited for the first send more, and neither they nor the writer stand still. Where nobody hurries one commit for all is cheaper.
pub(crate) fn group_max(waiting: usize, filled_in: Duration) -> usize {
    let is_rush = waiting >= WAKE_AT && filled_in < RUSH;
    if is_rush { waiting.div_ceil(2).min(BATCH_MAX) } else { BATCH_MAX }
}

impl Drop for Writing {
    /// However the thread ends, nobody waits for it any longer.
    fn drop(&mut self) {
        self.queue.end();
    }
}

impl Writing {
    /// One round: writes what waits, then waits for more. Returns whether to go on.
    fn round(&mut self, stopping: bool) -> bool {
        if self.failed_at.is_some_and(|at| at.elapsed() >= self.retry_pause) {
            // What comes from now on is the next try.
            self.queue.stopped.store(false, Ordering::Relaxed);
        }
        let waiting = self.queue.take();
        let filled_in = std::mem::replace(&mut self.taken_at, Instant::now()).elapsed();
        let (none, most) = (waiting.is_empty(), group_max(waiting.len(), filled_in));
        let mut waiting = waiting.into_iter().peekable();
        while waiting.peek().is_some() {
            let mut bytes = 0;
            let batch: Vec<Exchange> = std::iter::from_fn(|| {
                waiting.next_if(|next| {
                    bytes += bytes_of(next.text_bytes());
                    bytes <= BATCH_BYTES_MAX
                })
            })
            .take(most)
            .collect();
            self.write(batch);
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        {
            let (items, bytes) = self.queue.taken();
            self.metrics.capture_queue_length().set(items as f64);
            self.metrics.capture_queue_bytes().set(bytes as f64);
        }
        if none && stopping {
            return false;
        }
        if !stopping && self.queue.waiting() < GO_ON_AT {
            thread::park_timeout(LINGER);
        }
        true
    }

    /// One group.
    fn write(&mut self, batch: Vec<Exchange>) {
        let (items, bytes) = (batch.len(), batch.iter().map(|exchange| bytes_of(exchange.text_bytes())).sum());
        let began = Instant::now();
        match self.store.append(batch) {
            Ok(appended) => {
                self.metrics.capture_flush_seconds().observe(began.elapsed().as_secs_f64());
                self.metrics.captured_total().inc_by(appended.kept);
                self.metrics.capture_redacted_total().inc_by(appended.redacted);
                self.metrics.capture_dropped_total("too-large").inc_by(appended.too_large);
                self.metrics.capture_dropped_total("not-redactable").inc_by(appended.not_redacted);
                self.metrics.capture_stopped().set(0.0);
                if self.failed_at.take().is_some() {
                    tracing::info!("exchanges are stored again");
                }
            }
            Err(error) => self.failed(&error, items),
        }
        self.queue.done(items, bytes);
    }

    fn failed(&mut self, error: &CaptureError, lost: usize) {
        self.queue.stopped.store(true, Ordering::Relaxed);
        self.metrics.capture_stopped().set(1.0);
        let reason = if matches!(error, CaptureError::NoRoom { .. }) { "no-room" } else { "write-error" };
        self.metrics.capture_dropped_total(reason).inc_by(lost as u64);
        // Said once, not at every try.
        if self.failed_at.replace(Instant::now()).is_none() {
            let retry_s = self.retry_pause.as_secs();
            tracing::error!(%error, lost, retry_s, "exchanges could not be stored; traffic goes on, capturing is tried again");
        }
    }
}
