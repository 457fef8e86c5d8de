//! Threads that each own a worker, and the bounded queue of work before them.
//!
//! Knows no runtime: who asks gets a receiver, which is a future. Dropping it cancels: work that still waits never
//! runs, work that runs is told. A worker is free again when its work has really ended.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

/// A fixed set of workers of type `W`.
pub(crate) struct Pool<W> {
    shared: Arc<Shared<W>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<W> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    waiting: VecDeque<Box<dyn Task<W>>>,
    /// Workers without work; work that waits may already be one's next.
    free: usize,
    /// Pieces of work that may wait beyond the free workers.
    queue: usize,
    closed: bool,
}

/// Hands the result over, after the worker is free again: who has an answer can ask for the next.
type Deliver = Box<dyn FnOnce() + Send>;

trait Task<W>: Send {
    fn cancelled(&self) -> bool;
    fn run(self: Box<Self>, worker: &mut W) -> Deliver;
}

struct Work<F, R> {
    work: F,
    result: oneshot::Sender<R>,
}

impl<W, R, F> Task<W> for Work<F, R>
where
    R: Send + 'static,
    F: FnOnce(&mut W, &dyn Fn() -> bool) -> R + Send,
{
    fn cancelled(&self) -> bool {
        self.result.is_closed()
    }

    fn run(self: Box<Self>, worker: &mut W) -> Deliver {
        let Self { work, result } = *self;
        let done = work(worker, &|| result.is_closed());
        Box::new(move || {
            // Nobody may be waiting any more, which is their right.
            drop(result.send(done));
        })
    }
}

impl<W: Send + 'static> Pool<W> {
    /// Starts a thread for each worker; `queue` pieces of work may wait while all are at work.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(crate) fn new(workers: Vec<W>, queue: usize) -> io::Result<Self> {
        let state = State { waiting: VecDeque::new(), free: workers.len(), queue, closed: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let mut pool = Self { shared, threads: Vec::with_capacity(workers.len()) };
        for mut worker in workers {
            let shared = Arc::clone(&pool.shared);
            let serve = move || {
                while let Some(task) = shared.next() {
                    // A panic drops the sender, which its receiver sees. Every piece of work begins with an empty
                    // cache, so the worker is as good as before.
                    let delivery = catch_unwind(AssertUnwindSafe(|| task.run(&mut worker)));
                    shared.state.lock().free += 1;
                    if let Ok(deliver) = delivery {
                        deliver();
                    }
                }
            };
            pool.threads.push(thread::Builder::new().name("student".to_owned()).spawn(serve)?);
        }
        Ok(pool)
    }

    /// Puts `work` into the queue; it is given a worker and a question that says whether anybody still waits. The
    /// receiver gets an error if the work panics. `None` when every place is taken.
    pub(crate) fn submit<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut W, &dyn Fn() -> bool) -> R + Send + 'static,
    ) -> Option<oneshot::Receiver<R>> {
        let (result, receiver) = oneshot::channel();
        let mut state = self.shared.state.lock();
        if state.waiting.len() >= state.free + state.queue {
            state.waiting.retain(|task| !task.cancelled());
        }
        if state.waiting.len() >= state.free + state.queue {
            return None;
        }
        state.waiting.push_back(Box::new(Work { work, result }));
        drop(state);
        self.shared.changed.notify_one();
        Some(receiver)
    }
}

impl<W> Shared<W> {
    /// The next piece of work that somebody waits for; `None` when the pool is closed.
    fn next(&self) -> Option<Box<dyn Task<W>>> {
        let mut state = self.state.lock();
        loop {
            match state.waiting.pop_front() {
                Some(task) if task.cancelled() => {}
                Some(task) => {
                    state.free -= 1;
                    return Some(task);
                }
                None if state.closed => return None,
                None => self.changed.wait(&mut state),
            }
        }
    }
}

impl<W> Drop for Pool<W> {
    /// Waits for the threads: ONNX Runtime must not be at work while the process ends.
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.changed.notify_all();
        let own = thread::current().id();
        for thread in self.threads.drain(..) {
            // The last piece of work may hold the pool's last owner, and a thread cannot wait for itself.
            if thread.thread().id() != own {
                drop(thread.join());
            }
        }
    }
}

#[cfg(test)]
mod tests;
