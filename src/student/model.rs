//! The student as a [`ChatModel`]: base and adapter behind a name.

use std::ops::ControlFlow;
use std::sync::Arc;

use gemma::{Detokenizer, prompt_ids};
use wire::{Answer, ChatModel, Finish, ModelError, Prompt, Role, Usage};

use crate::StudentError;
use crate::adapter::Bound;
use crate::decode::Sequence;
use crate::sampling::Sampler;
use crate::session::Worker;
use crate::signals::Trace;
use crate::stop::StopFilter;
use crate::student::Student;

/// One call site's student.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) student: Arc<Student>,
    pub(crate) adapter: Option<Arc<Bound>>,
}

type OnText<'a> = &'a mut dyn FnMut(&str) -> ControlFlow<()>;

impl ChatModel for Model {
    fn name(&self) -> &str {
        &self.name
    }

    fn answer(&self, prompt: &Prompt, on_text: OnText<'_>) -> Result<Answer, ModelError> {
        match prompt.turns.last() {
            Some(turn) if turn.role == Role::User => {}
            Some(_) => {
                return Err(ModelError::Unsupported("its last turn is not the user's".to_owned()));
            }
            None => return Err(ModelError::Unsupported("it has no turns".to_owned())),
        }
        let ids = prompt_ids(&self.student.tokenizer, &prompt.turns).map_err(StudentError::from)?;
        if ids.len() > self.student.context {
            return Err(ModelError::PromptTooLong { tokens: ids.len(), limit: self.student.context });
        }
        self.student.pool.with(|worker| self.decode(worker, &ids, prompt, on_text))
    }
}

impl Model {
    fn decode(
        &self,
        worker: &mut Worker,
        ids: &[u32],
        prompt: &Prompt,
        on_text: OnText<'_>,
    ) -> Result<Answer, ModelError> {
        let mut sequence = Sequence::start(worker, self.adapter.as_deref())?;
        let mut sampler = Sampler::new(prompt.sampling);
        let mut trace = Trace::default();
        let mut output = Output::new(Detokenizer::new(&self.student.tokenizer), &prompt.stop, on_text);
        let mut unread = ids.to_vec();
        let finish = loop {
            if trace.tokens() >= prompt.max_tokens as usize || sequence.full() {
                break Finish::Length;
            }
            let logits = sequence.read(&unread)?;
            let token = sampler.choose(logits);
            if !trace.push(logits, token) {
                return Err(StudentError::NotFinite(sequence.length()).into());
            }
            if self.student.stop_ids.contains(&token) {
                break Finish::Stop;
            }
            if output.token(token)? {
                break Finish::Stop;
            }
            unread = vec![token];
        };
        let (text, stopped) = output.finish()?;
        let finish = if stopped { Finish::Stop } else { finish };
        let usage = Usage { prompt_tokens: ids.len() as u32, completion_tokens: trace.tokens() as u32 };
        Ok(Answer { text, finish, usage, signals: trace.signals() })
    }
}

/// Tokens to text for the caller: whole characters, nothing from a stop text on.
struct Output<'a, 'b> {
    detokenizer: Detokenizer<'a>,
    filter: StopFilter,
    on_text: OnText<'b>,
    text: String,
    stopped: bool,
}

impl<'a, 'b> Output<'a, 'b> {
    fn new(detokenizer: Detokenizer<'a>, stops: &[String], on_text: OnText<'b>) -> Self {
        Self { detokenizer, filter: StopFilter::new(stops), on_text, text: String::new(), stopped: false }
    }

    /// Takes a token; true if it completed a stop text.
    fn token(&mut self, token: u32) -> Result<bool, ModelError> {
        let text = self.detokenizer.push(token).map_err(StudentError::from)?;
        let passed = self.filter.push(&text);
        self.stopped = passed.stopped;
        emit(&passed.text, &mut self.text, self.on_text)?;
        Ok(self.stopped)
    }

    /// Passes on what was held back, unless a stop text ended the answer; the whole text, and whether one did.
    fn finish(self) -> Result<(String, bool), ModelError> {
        let Self { detokenizer, mut filter, on_text, mut text, mut stopped } = self;
        if !stopped {
            let passed = filter.push(&detokenizer.finish().map_err(StudentError::from)?);
            stopped = passed.stopped;
            emit(&passed.text, &mut text, on_text)?;
            if !stopped {
                emit(&filter.finish(), &mut text, on_text)?;
            }
        }
        Ok((text, stopped))
    }
}

fn emit(piece: &str, text: &mut String, on_text: OnText<'_>) -> Result<(), ModelError> {
    if piece.is_empty() {
        return Ok(());
    }
    text.push_str(piece);
    if on_text(piece).is_break() { Err(ModelError::Cancelled) } else { Ok(()) }
}
