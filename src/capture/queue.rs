//! What serving code holds of the log: a queue that is bounded in items and bytes and never makes anybody wait.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Thread;

use parking_lot::{Condvar, Mutex};
use telemetry::Metrics;

use crate::limits::{EXCHANGE_BYTES_MAX, EXCHANGE_OVERHEAD_BYTES, QUEUE_MAX, WAKE_AT};
use crate::record::Exchange;

/// Hands exchanges over and never waits.
#[derive(Clone, Debug)]
pub struct Capture(pub(crate) Arc<Queue>);

/// The queue between the serving threads and the writer.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// How many of those that were queued the writer has done with, for whoever waits for it.
    done: Mutex<u64>,
    more_done: Condvar,
    /// Of all that has a place, what is being written included.
    items: AtomicUsize,
    bytes: AtomicUsize,
    bytes_max: usize,
    pub(crate) stopped: AtomicBool,
    /// Woken when much waits: never for a single exchange, which would cost more than the rest of the capture.
    pub(crate) writer: OnceLock<Thread>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Waiting {
    exchanges: Vec<Exchange>,
    /// How many were queued so far.
    queued: u64,
}

impl Queue {
    pub(crate) fn new(bytes_max: usize, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            done: Mutex::default(),
            more_done: Condvar::new(),
            items: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            bytes_max,
            stopped: AtomicBool::new(false),
            writer: OnceLock::new(),
            metrics,
        })
    }

    /// Everything that waits; its places stay taken until [`Queue::done`].
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.waiting.lock().exchanges)
    }

    /// How many wait, those that are being written not included.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.lock().exchanges.len()
    }

    /// The oldest of those that were taken are written, or lost.
    pub(crate) fn done(&self, items: usize, bytes: usize) {
        self.release(items, bytes);
        *self.done.lock() += items as u64;
        self.more_done.notify_all();
    }

    /// Nobody writes any more.
    pub(crate) fn end(&self) {
        *self.done.lock() = u64::MAX;
        self.more_done.notify_all();
    }

    fn release(&self, items: usize, bytes: usize) {
        self.items.fetch_sub(items, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Items and bytes that have a place.
    pub(crate) fn taken(&self) -> (usize, usize) {
        (self.items.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    fn room(&self, bytes: usize) -> Result<(), &'static str> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err("stopped");
        }
        if self.items.fetch_add(1, Ordering::Relaxed) >= QUEUE_MAX {
            self.items.fetch_sub(1, Ordering::Relaxed);
            return Err("queue-full");
        }
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.bytes_max {
            self.release(1, bytes);
            return Err("queue-bytes");
        }
        Ok(())
    }
}

/// What an exchange takes of the queue's bytes.
pub(crate) fn bytes_of(text_bytes: usize) -> usize {
    text_bytes + EXCHANGE_OVERHEAD_BYTES
}

impl Capture {
    /// A place for an exchange whose texts have so many bytes; none where it cannot be kept, which is counted. Asked for before
    /// anything is copied.
    #[must_use]
    pub fn place(&self, text_bytes: usize) -> Option<Place> {
        let bytes = bytes_of(text_bytes);
        let room = if text_bytes > EXCHANGE_BYTES_MAX { Err("too-large") } else { self.0.room(bytes) };
        match room {
            Ok(()) => Some(Place { queue: Some(self.0.clone()), bytes }),
            Err(reason) => {
                self.drop_one(reason);
                None
            }
        }
    }

    /// Queues `exchange`, or drops and counts it.
    pub fn keep(&self, exchange: Exchange) {
        if let Some(place) = self.place(exchange.text_bytes()) {
            place.fill(exchange);
        }
    }

    /// Waits until everything that was queued before is in the log, or lost to a write error.
    pub fn flush(&self) {
        let queued = self.0.waiting.lock().queued;
        if let Some(writer) = self.0.writer.get() {
            writer.unpark();
        }
        let mut done = self.0.done.lock();
        self.0.more_done.wait_while(&mut done, |done| *done < queued);
    }

    /// Counts an exchange that could not even be queued, such as one whose bytes are not text.
    pub fn drop_one(&self, reason: &'static str) {
        self.0.metrics.capture_dropped_total(reason).inc();
    }
}

/// A place in the queue; given back if nothing comes of it.
#[derive(Debug)]
pub struct Place {
    queue: Option<Arc<Queue>>,
    bytes: usize,
}

impl Place {
    /// Queues `exchange`, whose texts must have the bytes that the place was asked for.
    pub fn fill(mut self, exchange: Exchange) {
        debug_assert_eq!(bytes_of(exchange.text_bytes()), self.bytes, "the writer gives back what the texts have");
        let Some(queue) = self.queue.take() else { return };
        let mut waiting = queue.waiting.lock();
        waiting.exchanges.push(exchange);
        waiting.queued += 1;
        let many = waiting.exchanges.len() == WAKE_AT;
        drop(waiting);
        if many && let Some(writer) = queue.writer.get() {
            writer.unpark();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.release(1, self.bytes);
        }
    }
}
