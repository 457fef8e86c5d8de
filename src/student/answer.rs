//! One answer, token by token, on a worker.

use gemma::{Detokenizer, prompt_ids};
use wire::{Answer, Finish, ModelError, Prompt, Usage};

use crate::StudentError;
use crate::adapter::Bound;
use crate::decode::Sequence;
use crate::engine::Engine;
use crate::sampling::Sampler;
use crate::session::Worker;
use crate::signals::Trace;
use crate::stop::StopFilter;

/// Answers `prompt`; gives up at the next run of the graph once `cancelled` says so.
///
/// # Errors
/// When the prompt does not fit the context, or anything fails.
pub(crate) fn answer(
    worker: &mut Worker,
    engine: &Engine,
    adapter: Option<&Bound>,
    prompt: &Prompt,
    cancelled: &dyn Fn() -> bool,
) -> Result<Answer, ModelError> {
    let ids = prompt_ids(&engine.tokenizer, &prompt.turns).map_err(StudentError::from)?;
    engine.check_length(ids.len())?;
    let mut sequence = Sequence::start(worker, adapter)?;
    let mut sampler = Sampler::new(prompt.sampling)?;
    let mut trace = Trace::default();
    let mut text = Text::new(Detokenizer::new(&engine.tokenizer), &prompt.stop);
    let mut unread = ids.clone();
    let finish = loop {
        if trace.tokens() >= prompt.max_tokens as usize || sequence.full() {
            break Finish::Length;
        }
        let logits = sequence.read(&unread, cancelled)?;
        let token = sampler.choose(logits);
        if !trace.push(logits, token) {
            return Err(StudentError::NotFinite(sequence.length()).into());
        }
        if engine.stop_ids.contains(&token) || text.push(token)? {
            break Finish::Stop;
        }
        unread = vec![token];
    };
    let (text, stopped) = text.finish()?;
    let finish = if stopped { Finish::Stop } else { finish };
    let usage = Usage { prompt_tokens: ids.len() as u32, completion_tokens: trace.tokens() as u32 };
    Ok(Answer { text, finish, usage, signals: trace.signals() })
}

/// Tokens to text: whole characters, nothing from a stop text on.
struct Text<'a> {
    detokenizer: Detokenizer<'a>,
    filter: StopFilter,
    text: String,
    stopped: bool,
}

impl<'a> Text<'a> {
    fn new(detokenizer: Detokenizer<'a>, stops: &[String]) -> Self {
        Self { detokenizer, filter: StopFilter::new(stops), text: String::new(), stopped: false }
    }

    /// Takes a token; true if it completed a stop text.
    fn push(&mut self, token: u32) -> Result<bool, StudentError> {
        let passed = self.filter.push(&self.detokenizer.push(token)?);
        self.text.push_str(&passed.text);
        self.stopped = passed.stopped;
        Ok(self.stopped)
    }

    /// The whole text, with what was held back unless a stop text ended it, and whether one did.
    fn finish(self) -> Result<(String, bool), StudentError> {
        let Self { detokenizer, mut filter, mut text, mut stopped } = self;
        if !stopped {
            let passed = filter.push(&detokenizer.finish()?);
            text.push_str(&passed.text);
            stopped = passed.stopped;
            if !stopped {
                text.push_str(&filter.finish());
            }
        }
        Ok((text, stopped))
    }
}
