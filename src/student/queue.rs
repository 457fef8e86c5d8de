//! Who waits for an answer: a bounded queue, and the places of those who are being answered.
//!
//! Knows no runtime. Who has left is never begun, and does not count where the queue is full.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Something that is waited for.
pub(crate) trait Wanted {
    /// Whether nobody waits for it any more.
    fn left(&self) -> bool;
}

/// Pieces of work that wait for one of a fixed number of places.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Places without work; work that waits may already be one's next.
    free: usize,
    /// Pieces of work that may wait beyond the free places.
    queue: usize,
    closed: bool,
}

/// A place at work; free again when it is dropped.
pub(crate) struct Place<T>(Arc<Queue<T>>);

impl<T: Wanted> Queue<T> {
    pub(crate) fn new(places: usize, queue: usize) -> Self {
        let state = State { waiting: VecDeque::new(), free: places, queue, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Puts `work` at the end; false when every place is taken and the queue is full.
    pub(crate) fn push(&self, work: T) -> bool {
        let mut state = self.state.lock();
        if state.waiting.len() >= state.free + state.queue {
            state.waiting.retain(|waiting| !waiting.left());
        }
        if state.waiting.len() >= state.free + state.queue {
            return false;
        }
        state.waiting.push_back(work);
        drop(state);
        self.changed.notify_one();
        true
    }

    /// The next piece of work that somebody waits for, with its place; `None` when there is none.
    pub(crate) fn next(self: &Arc<Self>) -> Option<(T, Place<T>)> {
        let mut state = self.state.lock();
        while let Some(work) = state.waiting.pop_front() {
            if !work.left() {
                state.free = state.free.saturating_sub(1);
                return Some((work, Place(Arc::clone(self))));
            }
        }
        None
    }

    /// Waits until there is work; false when the queue is closed and empty.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.state.lock();
        while state.waiting.is_empty() && !state.closed {
            self.changed.wait(&mut state);
        }
        !state.waiting.is_empty()
    }

    /// Pieces of work that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Takes no further work.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        self.0.state.lock().free += 1;
    }
}

#[cfg(test)]
mod tests;
