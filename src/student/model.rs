//! The student as a [`ChatModel`]: base and adapter behind a name.

use std::future::ready;
use std::sync::Arc;

use gemma::prompt_ids;
use wire::{Answering, ChatModel, Ineligible, ModelError, Prompt};

use crate::adapter::Bound;
use crate::answer::answer;
use crate::engine::{Engine, Fit};

/// One call site's student.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) engine: Arc<Engine>,
    pub(crate) adapter: Option<Arc<Bound>>,
}

impl ChatModel for Model {
    fn name(&self) -> &str {
        &self.name
    }

    fn accepts(&self, prompt: &Prompt) -> Result<(), Ineligible> {
        match self.engine.screen(&prompt.turns)? {
            Fit::Fits => Ok(()),
            Fit::Unsettled => match prompt_ids(&self.engine.tokenizer, &prompt.turns) {
                Ok(ids) => self.engine.check_length(ids.len()),
                // A text that cannot be tokenised is no question of length: the answer will say what is wrong.
                Err(_) => Ok(()),
            },
        }
    }

    fn answer(&self, prompt: Prompt) -> Answering {
        if let Err(ineligible) = self.engine.screen(&prompt.turns) {
            return Box::pin(ready(Err(ineligible.into())));
        }
        let (engine, adapter) = (Arc::clone(&self.engine), self.adapter.clone());
        let work = self
            .engine
            .pool
            .submit(move |worker, cancelled| answer(worker, &engine, adapter.as_deref(), &prompt, cancelled));
        let Some(answered) = work else {
            return Box::pin(ready(Err(ModelError::Busy)));
        };
        Box::pin(async move {
            answered.await.unwrap_or_else(|_| Err(ModelError::Failed("the student's worker panicked".to_owned())))
        })
    }
}
