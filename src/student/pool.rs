//! Workers handed out one at a time; who finds none waits.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};

/// A fixed set of workers.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    idle: Mutex<Vec<T>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    pub(crate) fn new(workers: Vec<T>) -> Self {
        Self { idle: Mutex::new(workers), returned: Condvar::new() }
    }

    /// A worker, as soon as one is idle; it goes back when the lease is dropped. A pool of none waits for ever.
    pub(crate) fn take(&self) -> Lease<'_, T> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(worker) = idle.pop() {
                return Lease { pool: self, worker: Some(worker) };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, worker: T) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        self.returned.notify_one();
    }
}

/// A worker on loan.
#[derive(Debug)]
pub(crate) struct Lease<'a, T> {
    pool: &'a Pool<T>,
    worker: Option<T>,
}
