//! What the student's thread is given to do, from the queue to the delivery.

use std::sync::Arc;

use tokio::sync::oneshot;
use wire::{Answer, ModelError, Prompt};

use crate::StudentError;
use crate::adapter::Bound;
use crate::form::Constraint;
use crate::queue::{Place, Queue, Wanted};

/// Hands a result over; its place is free by then, so that who has an answer can ask for the next.
pub(crate) type Outcome = Box<dyn FnOnce() + Send>;

/// What waits.
pub(crate) enum Waiting {
    Answer { asked: Asked, constraint: Option<Constraint> },
    Score(Scoring),
}

/// What the thread is given.
pub(crate) enum Job {
    Answer(Request),
    Score(Scoring),
}

/// A prompt, and who waits for its answer.
pub(crate) struct Asked {
    pub(crate) adapter: Option<Arc<Bound>>,
    pub(crate) prompt: Prompt,
    pub(crate) reply: oneshot::Sender<Result<Answer, ModelError>>,
}

impl Asked {
    /// Whether nobody waits any more.
    pub(crate) fn left(&self) -> bool {
        self.reply.is_closed()
    }

    /// Puts it into the queue; who asked hears if that is full.
    pub(crate) fn wait(self, constraint: Option<Constraint>, queue: &Queue<Waiting>) {
        if let Err(Waiting::Answer { asked, .. }) = queue.push(Waiting::Answer { asked: self, constraint }) {
            asked.fail(ModelError::Busy);
        }
    }

    pub(crate) fn fail(self, error: ModelError) {
        // Nobody may be waiting any more, which is their right.
        drop(self.reply.send(Err(error)));
    }
}

/// Bytes of a prompt's texts.
pub(crate) fn bytes_of(prompt: &Prompt) -> usize {
    prompt.turns.iter().map(|turn| turn.text.len()).sum()
}

/// A prompt to answer.
pub(crate) struct Request {
    pub(crate) asker: Asker,
    pub(crate) adapter: Option<Arc<Bound>>,
    pub(crate) prompt: Prompt,
    /// What keeps the answer to its form.
    pub(crate) constraint: Option<Constraint>,
}

/// Tokens to be given the logits of.
pub(crate) struct Scoring {
    pub(crate) adapter: Option<Arc<Bound>>,
    pub(crate) ids: Vec<u32>,
    /// So many of them in one run, the others one at a time.
    pub(crate) at_once: usize,
    pub(crate) reply: oneshot::Sender<Result<Vec<Vec<f32>>, StudentError>>,
}

/// Who waits for an answer, and the place that it is made in.
pub(crate) struct Asker {
    reply: oneshot::Sender<Result<Answer, ModelError>>,
    place: Place<Waiting>,
}

impl Asker {
    /// Whether nobody waits any more.
    pub(crate) fn left(&self) -> bool {
        self.reply.is_closed()
    }

    pub(crate) fn outcome(self, answer: Result<Answer, ModelError>) -> Outcome {
        let Self { reply, place } = self;
        drop(place);
        // Nobody may be waiting any more, which is their right.
        Box::new(move || drop(reply.send(answer)))
    }
}

impl Wanted for Waiting {
    fn left(&self) -> bool {
        match self {
            Self::Answer { asked, .. } => asked.left(),
            Self::Score(scoring) => scoring.reply.is_closed(),
        }
    }
}

/// What was taken from the queue, with its place.
pub(crate) fn job((waiting, place): (Waiting, Place<Waiting>)) -> Job {
    match waiting {
        Waiting::Answer { asked: Asked { adapter, prompt, reply }, constraint } => {
            Job::Answer(Request { asker: Asker { reply, place }, adapter, prompt, constraint })
        }
        // Done within the round that takes it.
        Waiting::Score(scoring) => Job::Score(scoring),
    }
}
