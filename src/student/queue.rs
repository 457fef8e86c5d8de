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

/// How often work may be passed over for what goes better with what is being done.
const PASSED_MAX: u32 = 3;

/// Pieces of work that wait for one of a fixed number of places.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: VecDeque<Waiter<T>>,
    /// Places without work; work that waits may already be one's next.
    free: usize,
    /// Pieces of work that may wait beyond the free places.
    queue: usize,
    closed: bool,
}

struct Waiter<T> {
    work: T,
    passed: u32,
}

/// A place at work; free again when it is dropped.
pub(crate) struct Place<T>(Arc<Queue<T>>);

impl<T: Wanted> Queue<T> {
    pub(crate) fn new(places: usize, queue: usize) -> Self {
        let state = State { waiting: VecDeque::new(), free: places, queue, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Puts `work` at the end.
    ///
    /// # Errors
    /// The work itself, when every place is taken and the queue is full.
    pub(crate) fn push(&self, work: T) -> Result<(), T> {
        let mut state = self.state.lock();
        if state.waiting.len() >= state.free + state.queue {
            state.waiting.retain(|waiter| !waiter.work.left());
        }
        if state.waiting.len() >= state.free + state.queue {
            return Err(work);
        }
        state.waiting.push_back(Waiter { work, passed: 0 });
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// The next piece of work that somebody waits for, with its place; `None` when there is none. What `fits` goes before what does not,
    /// unless that has been passed over too often.
    pub(crate) fn next(self: &Arc<Self>, fits: &dyn Fn(&T) -> bool) -> Option<(T, Place<T>)> {
        let mut state = self.state.lock();
        state.waiting.retain(|waiter| !waiter.work.left());
        let may_pass = |waiter: &&Waiter<T>| !fits(&waiter.work) && waiter.passed < PASSED_MAX;
        let before = state.waiting.iter().take_while(may_pass).count();
        let fitting = state.waiting.get(before).is_some_and(|waiter| fits(&waiter.work));
        let at = if fitting { before } else { 0 };
        state.waiting.iter_mut().take(at).for_each(|waiter| waiter.passed += 1);
        let waiter = state.waiting.remove(at)?;
        state.free = state.free.saturating_sub(1);
        Some((waiter.work, Place(Arc::clone(self))))
    }

    /// Something about all work that waits.
    pub(crate) fn look<A>(&self, start: A, each: impl Fn(A, &T) -> A) -> A {
        self.state.lock().waiting.iter().fold(start, |all, waiter| each(all, &waiter.work))
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
