//! The student as a [`ChatModel`]: base and adapter behind a name.

use std::future::ready;
use std::sync::Arc;

use gemma::prompt_ids;
use wire::{Answering, ChatModel, Ineligible, ModelError, Prompt};

use crate::adapter::Bound;
use crate::choices::{join, split};
use crate::engine::Engine;
use crate::format::Fit;

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
        match self.engine.format.screen(&prompt.turns)? {
            Fit::Fits => Ok(()),
            Fit::Unsettled => match prompt_ids(&self.engine.format.tokenizer, &prompt.turns) {
                Ok(ids) => self.engine.format.check_length(ids.len()),
                // A text that cannot be tokenised is no question of length: the answer will say what is wrong.
                Err(_) => Ok(()),
            },
        }
    }

    fn answer(&self, prompt: Prompt) -> Answering {
        if let Err(ineligible) = self.engine.format.screen(&prompt.turns) {
            return Box::pin(ready(Err(ineligible.into())));
        }
        let choices = prompt.choices;
        let ask = |prompt| self.engine.scheduler.answer(self.adapter.clone(), prompt);
        // Of several choices all have a place or none; what is asked already is let go.
        let Some(asked) = split(prompt).into_iter().map(ask).collect::<Option<Vec<_>>>() else {
            return Box::pin(ready(Err(ModelError::Busy)));
        };
        Box::pin(async move {
            let panicked = || ModelError::Failed("the student's thread panicked".to_owned());
            let mut written = Vec::with_capacity(asked.len());
            for answered in asked {
                written.push(answered.await.unwrap_or_else(|_| Err(panicked()))?);
            }
            join(written, choices).ok_or_else(panicked)
        })
    }
}
