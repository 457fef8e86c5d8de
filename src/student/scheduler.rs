//! The student's thread and the queue before it.
//!
//! Who asks gets a receiver, which is a future. Dropping it cancels: a prompt that still waits is never read, and an answer that
//! is being written ends before its next token.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;
use wire::{Answer, ModelError, Prompt};

use crate::StudentError;
use crate::adapter::Bound;
use crate::load::{Observer, Round};
use crate::queue::Queue;
use crate::serving::Serving;
use crate::work::{Scoring, Waiting, job};

/// A thread that answers.
pub(crate) struct Scheduler {
    queue: Arc<Queue<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

impl Scheduler {
    /// Starts the thread; `rows` answers are made at the same time, and `queue` prompts may wait beyond them.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn new(serving: Serving, rows: usize, queue: usize, observer: Observer) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(rows, queue));
        let own = Arc::clone(&queue);
        let serve = move || serve(serving, &own, &*observer);
        Ok(Self { queue, thread: Some(thread::Builder::new().name("student".to_owned()).spawn(serve)?) })
    }

    /// The answer to `prompt`, or nothing when every place is taken. The receiver gets an error if the thread panics.
    pub(crate) fn answer(
        &self,
        adapter: Option<Arc<Bound>>,
        prompt: Prompt,
    ) -> Option<oneshot::Receiver<Result<Answer, ModelError>>> {
        let (reply, receiver) = oneshot::channel();
        self.queue.push(Waiting::Answer { adapter, prompt, reply }).then_some(receiver)
    }

    /// The logits after every one of `ids`, or nothing when every place is taken.
    pub(crate) fn score(
        &self,
        adapter: Option<Arc<Bound>>,
        ids: Vec<u32>,
        at_once: usize,
    ) -> Option<oneshot::Receiver<Result<Vec<Vec<f32>>, StudentError>>> {
        let (reply, receiver) = oneshot::channel();
        self.queue.push(Waiting::Score(Scoring { adapter, ids, at_once, reply })).then_some(receiver)
    }
}

fn serve(mut serving: Serving, queue: &Arc<Queue<Waiting>>, observer: &dyn Fn(&Round)) {
    while !serving.is_idle() || queue.wait() {
        // A panic drops the senders of all that is under way, which their receivers see.
        let round = catch_unwind(AssertUnwindSafe(|| serving.round(|| queue.next().map(job))));
        match round {
            Ok(done) => {
                observer(&Round { waiting: queue.waiting(), ..serving.take_round() });
                done.into_iter().for_each(|deliver| deliver());
            }
            Err(_) if serving.abandon().is_ok() => {}
            Err(_) => return queue.close(),
        }
    }
}

impl Drop for Scheduler {
    /// Waits for the thread: ONNX Runtime must not be at work while the process ends.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // The last answer may hold the last owner, and a thread cannot wait for itself.
            if thread.thread().id() != thread::current().id() {
                drop(thread.join());
            }
        }
    }
}
