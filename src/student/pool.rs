//! Workers handed out one at a time; who finds none waits.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A fixed set of workers.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    idle: Mutex<Vec<Arc<Mutex<T>>>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    pub(crate) fn new(workers: Vec<T>) -> Self {
        let workers = workers.into_iter().map(|worker| Arc::new(Mutex::new(worker))).collect();
        Self { idle: Mutex::new(workers), returned: Condvar::new() }
    }

    /// Runs `work` with a worker of its own, as soon as one is idle. The worker goes back even if `work`
    /// panics: every answer starts from an empty cache. A pool of none waits for ever.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let lease = self.take();
        work(&mut lease.worker.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Lease<'_, T> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(worker) = idle.pop() {
                return Lease { pool: self, worker };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A worker on loan: nobody else holds it, so its mutex never blocks.
struct Lease<'a, T> {
    pool: &'a Pool<T>,
    worker: Arc<Mutex<T>>,
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&self.worker));
        self.pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests;
