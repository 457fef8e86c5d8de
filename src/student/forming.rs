//! The forms of answers that are made for the first time, on a thread of its own: a schema takes up to a second, and the first one the making of
//! the vocabulary's tree as well, while others' answers are being written.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::form::Forms;
use crate::queue::Queue;
use crate::work::{Asked, Waiting};

/// A thread that makes forms and puts what they are for into the queue. It ends with the last prompt that it was given.
pub(crate) struct Forming(SyncSender<Asked>);

impl Forming {
    /// `waiting` prompts may wait for it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn new(forms: Arc<Forms>, queue: Arc<Queue<Waiting>>, waiting: usize) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(waiting);
        thread::Builder::new().name("student-forms".to_owned()).spawn(move || form(&forms, &queue, &receiver))?;
        Ok(Self(sender))
    }

    /// Whether there was room.
    pub(crate) fn push(&self, asked: Asked) -> bool {
        self.0.try_send(asked).is_ok()
    }
}

fn form(forms: &Forms, queue: &Queue<Waiting>, receiver: &Receiver<Asked>) {
    for asked in receiver {
        if asked.left() {
            continue;
        }
        match forms.begin(&asked.prompt.form) {
            Ok(constraint) => asked.wait(constraint, queue),
            Err(error) => asked.fail(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
