//! What the student's thread is given to do, from the queue to the delivery.

use std::sync::Arc;

use tokio::sync::oneshot;
use wire::{Answer, ModelError, Prompt};

use crate::StudentError;
use crate::adapter::Bound;
use crate::queue::{Place, Wanted};

/// Hands a result over; its place is free by then, so that who has an answer can ask for the next.
pub(crate) type Outcome = Box<dyn FnOnce() + Send>;

/// What waits.
pub(crate) enum Waiting {
    Answer { adapter: Option<Arc<Bound>>, prompt: Prompt, reply: oneshot::Sender<Result<Answer, ModelError>> },
    Score(Scoring),
}

/// What the thread is given.
pub(crate) enum Job {
    Answer(Request),
    Score(Scoring),
}

/// A prompt to answer.
pub(crate) struct Request {
    pub(crate) asker: Asker,
    pub(crate) adapter: Option<Arc<Bound>>,
    pub(crate) prompt: Prompt,
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
            Self::Answer { reply, .. } => reply.is_closed(),
            Self::Score(scoring) => scoring.reply.is_closed(),
        }
    }
}

/// What was taken from the queue, with its place.
pub(crate) fn job((waiting, place): (Waiting, Place<Waiting>)) -> Job {
    match waiting {
        Waiting::Answer { adapter, prompt, reply } => {
            Job::Answer(Request { asker: Asker { reply, place }, adapter, prompt })
        }
        // Done within the round that takes it.
        Waiting::Score(scoring) => Job::Score(scoring),
    }
}
