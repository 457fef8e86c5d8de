//! Whether the serving threads still take turns, for whoever restarts a program that hangs. A thread answers between two requests' steps; one
//! that is stuck in a step does not. Reads no clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

/// What a thread has answered that asks for nothing more: it has ended.
const ENDED: u64 = u64::MAX;

/// Asks every serving thread for a sign of life.
#[derive(Debug)]
pub struct Pulse {
    /// The number of the last question.
    asked: watch::Sender<u64>,
    /// The last question that each thread has answered.
    answered: Mutex<Vec<Arc<AtomicU64>>>,
}

/// A thread's part.
pub(crate) struct Beat {
    asked: watch::Receiver<u64>,
    answered: Arc<AtomicU64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { asked: watch::Sender::new(0), answered: Mutex::default() }
    }
}

impl Pulse {
    /// Whether every thread that serves has answered what was asked the last time; asks again.
    pub fn feel(&self) -> bool {
        let asked = *self.asked.borrow();
        let alive = self.answered.lock().iter().all(|answered| answered.load(Ordering::Relaxed) >= asked);
        self.asked.send_modify(|number| *number += 1);
        alive
    }

    /// The part of a thread that begins.
    pub(crate) fn beat(&self) -> Beat {
        let asked = self.asked.subscribe();
        let answered = Arc::new(AtomicU64::new(*asked.borrow()));
        self.answered.lock().push(answered.clone());
        Beat { asked, answered }
    }
}

impl Beat {
    /// Answers for as long as its thread serves.
    pub(crate) async fn answer(mut self) {
        while self.asked.changed().await.is_ok() {
            let asked = *self.asked.borrow_and_update();
            self.answered.store(asked, Ordering::Relaxed);
        }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.answered.store(ENDED, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Pulse;

    #[tokio::test]
    async fn a_thread_that_takes_no_turns_is_noticed_and_one_that_has_ended_is_not_waited_for() {
        let pulse = Pulse::default();
        let (good, stuck) = (pulse.beat(), pulse.beat());
        let answering = tokio::spawn(good.answer());
        assert!(pulse.feel(), "nothing was asked yet");
        tokio::task::yield_now().await;
        assert!(!pulse.feel(), "one of two has not answered");
        drop(stuck);
        tokio::task::yield_now().await;
        assert!(pulse.feel());
        answering.abort();
    }
}
