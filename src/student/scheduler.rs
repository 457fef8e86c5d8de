//! The student's thread and the queue before it.
//!
//! Who asks gets a receiver, which is a future. Dropping it cancels: a prompt that still waits is never read, and an answer that
//! is being written ends before its next token.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use wire::{Answer, ModelError, Prompt};

use crate::StudentError;
use crate::adapter::Bound;
use crate::forecast::{Forecast, Work};
use crate::form::Forms;
use crate::forming::Forming;
use crate::load::{Observer, Round};
use crate::queue::Queue;
use crate::serving::Serving;
use crate::work::{Asked, Scoring, Waiting, bytes_of, job};

/// A thread that answers.
pub(crate) struct Scheduler {
    queue: Arc<Queue<Waiting>>,
    forms: Arc<Forms>,
    forming: Forming,
    forecast: Arc<Mutex<Forecast>>,
    rows: usize,
    thread: Option<JoinHandle<()>>,
}

impl Scheduler {
    /// Starts the thread; `rows` answers are made at the same time, and `queue` prompts may wait beyond them.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn new(
        serving: Serving,
        forms: Forms,
        (rows, queue): (usize, usize),
        observer: Observer,
    ) -> io::Result<Self> {
        let (forms, forecast) = (Arc::new(forms), serving.forecast());
        let waiting = rows + queue;
        let queue = Arc::new(Queue::new(rows, queue));
        let forming = Forming::new(Arc::clone(&forms), Arc::clone(&queue), waiting)?;
        let own = Arc::clone(&queue);
        let serve = move || serve(serving, &own, &*observer);
        let thread = Some(thread::Builder::new().name("student".to_owned()).spawn(serve)?);
        Ok(Self { queue, forms, forming, forecast, rows, thread })
    }

    /// The answer to `prompt`, or nothing when every place is taken or others would make it late. The receiver gets an error if the
    /// thread panics.
    pub(crate) fn answer(
        &self,
        adapter: Option<Arc<Bound>>,
        prompt: Prompt,
    ) -> Option<oneshot::Receiver<Result<Answer, ModelError>>> {
        let (reply, receiver) = oneshot::channel();
        let asked = Asked { adapter, prompt, reply };
        if self.would_be_late(&asked) {
            return None;
        }
        let taken = match self.forms.known(&asked.prompt.form) {
            Some(constraint) => self.queue.push(Waiting::Answer { asked, constraint }).is_ok(),
            None => self.forming.push(asked),
        };
        taken.then_some(receiver)
    }

    fn would_be_late(&self, asked: &Asked) -> bool {
        let Some(within) = asked.prompt.within else { return false };
        let forecast = self.forecast.lock();
        let work = |asked: &Asked| {
            let adapter = asked.adapter.as_ref().map(|adapter| adapter.hash);
            forecast.work(adapter, bytes_of(&asked.prompt), asked.prompt.max_tokens)
        };
        let waiting = self.queue.look(Work::default(), |all, waiting| match waiting {
            Waiting::Answer { asked, .. } => all.plus(work(asked)),
            Waiting::Score(_) => all,
        });
        forecast.is_late(work(asked), waiting, self.rows, within)
    }

    /// The logits after every one of `ids`, or nothing when every place is taken.
    pub(crate) fn score(
        &self,
        adapter: Option<Arc<Bound>>,
        ids: Vec<u32>,
        at_once: usize,
    ) -> Option<oneshot::Receiver<Result<Vec<Vec<f32>>, StudentError>>> {
        let (reply, receiver) = oneshot::channel();
        let scoring = Waiting::Score(Scoring { adapter, ids, at_once, reply });
        self.queue.push(scoring).is_ok().then_some(receiver)
    }
}

fn serve(mut serving: Serving, queue: &Arc<Queue<Waiting>>, observer: &dyn Fn(&Round)) {
    while !serving.is_idle() || queue.wait() {
        // A panic drops the senders of all that is under way, which their receivers see.
        let round = catch_unwind(AssertUnwindSafe(|| serving.round(|fits| queue.next(fits).map(job))));
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
