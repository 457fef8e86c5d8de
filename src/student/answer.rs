//! One answer as it grows, token by token: what is chosen, what is shown, where it ends.

use std::borrow::Cow;
use std::ops::Range;

use gemma::Detokenizer;
use wire::{Answer, Finish, Form, Prompt, ToolChoice, Tools, Usage};

use crate::StudentError;
use crate::form::Constraint;
use crate::format::Format;
use crate::lane::Logits;
use crate::logprobs::Logprobs;
use crate::penalties::Penalties;
use crate::sampling::Sampler;
use crate::signals::{Trace, values};
use crate::stop::StopFilter;

/// An answer that is being written.
pub(crate) struct Writing {
    sampler: Sampler,
    form: Form,
    constraint: Option<Constraint>,
    penalties: Option<Penalties>,
    logprobs: Option<Logprobs>,
    trace: Trace,
    text: Text,
    max_tokens: usize,
    /// Tokens of the prompt.
    prompt: usize,
    /// Tokens of the answer, those that a form forced included.
    tokens: usize,
}

/// How an answer goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// With these tokens, which have to be read: one that was chosen, and those that can only follow it.
    Tokens(Vec<u32>),
    /// With one whose logit was not computed: that of the whole vocabulary are wanted. Nothing was taken.
    Unlisted,
    End(Finish),
}

impl Writing {
    /// Nothing of the answer to a prompt of the tokens `ids`.
    pub(crate) fn new(prompt: &Prompt, ids: &[u32], constraint: Option<Constraint>) -> Result<Self, StudentError> {
        Ok(Self {
            sampler: Sampler::new(prompt.sampling, &prompt.decoding)?,
            form: prompt.form.clone(),
            constraint,
            penalties: Penalties::new(&prompt.decoding, ids),
            logprobs: prompt.logprobs.map(Logprobs::new),
            trace: Trace::default(),
            text: Text::new(&prompt.stop),
            max_tokens: prompt.max_tokens as usize,
            prompt: ids.len(),
            tokens: 0,
        })
    }

    /// Whether no token is wanted.
    pub(crate) fn is_whole(&self) -> bool {
        self.tokens >= self.max_tokens
    }

    /// Tokens that it may still have.
    pub(crate) fn room(&self) -> usize {
        self.max_tokens.saturating_sub(self.tokens)
    }

    /// Takes the next token from its logits, `length` tokens having been read.
    ///
    /// # Errors
    /// When the logits are no numbers, the answer cannot keep to its form, or the tokenizer fails.
    pub(crate) fn take(&mut self, format: &Format, logits: Logits<'_>, length: usize) -> Result<Next, StudentError> {
        let Logits { values: logits, whole } = logits;
        // Who wants to know the probabilities wants those of all.
        if !whole && self.logprobs.is_some() {
            return Ok(Next::Unlisted);
        }
        let (mut scores, choices) = match &mut self.constraint {
            Some(constraint) => match constraint.mask(logits)? {
                Some((masked, count)) => (Cow::Owned(masked), count),
                None if whole => return Err(StudentError::Form("no token may come next".to_owned())),
                None => return Ok(Next::Unlisted),
            },
            None => (Cow::Borrowed(logits), logits.len()),
        };
        if let Some(penalties) = &self.penalties {
            scores = Cow::Owned(penalties.apply(scores));
        }
        let token = self.sampler.choose(format.kernel, &scores);
        // How sure the model is of what it was made to say counts, too.
        if !self.trace.push(format.kernel, logits, token) {
            return Err(StudentError::NotFinite(length));
        }
        let mut tokens = vec![token];
        if let Some(constraint) = self.constraint.as_mut().filter(|_| !format.stop_ids.contains(&token)) {
            tokens.extend(constraint.take(token)?);
        }
        for (at, token) in tokens.iter().enumerate() {
            self.tokens += 1;
            if let Some(penalties) = &mut self.penalties {
                penalties.note(*token);
            }
            let begin = self.text.told;
            let closes = format.stop_ids.contains(token);
            let ends = closes || self.text.push(format, *token)?;
            let place = begin..self.text.told;
            if let Some(logprobs) = self.logprobs.as_mut().filter(|_| !closes) {
                logprobs.push(format, (at == 0).then_some(logits), *token, place.clone());
            }
            if at == 0 && choices > 1 {
                self.trace.place(place);
            }
            if ends {
                return Ok(Next::End(Finish::Stop));
            }
            // The last token needs no place: nothing is read after it.
            if self.is_whole() || length + at >= format.context {
                return Ok(Next::End(Finish::Length));
            }
        }
        if self.is_free() {
            self.constraint = None;
        }
        Ok(Next::Tokens(tokens))
    }

    /// Whether the answer is a text and no call, whatever comes: nothing holds it any more.
    fn is_free(&self) -> bool {
        let begun = self.text.text.trim_start().chars().next();
        let any_text = |tools: &Tools| tools.choice == ToolChoice::Auto && tools.otherwise == Form::Text;
        self.form.tools().is_some_and(any_text) && begun.is_some_and(|letter| letter != '{')
    }

    /// The whole answer.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(crate) fn finish(self, format: &Format, finish: Finish) -> Result<Answer, StudentError> {
        let (text, stopped) = self.text.finish(format)?;
        let finish = if stopped { Finish::Stop } else { finish };
        let finish = if self.form.tools().is_some() { finish.of_callable(&text) } else { finish };
        let usage = Usage { prompt_tokens: self.prompt as u32, completion_tokens: self.tokens as u32 };
        let signals = match says(&self.form, finish, &text) {
            Some(places) => self.trace.signals_of(&places),
            None => self.trace.signals(),
        };
        let logprobs = self.logprobs.map(|logprobs| logprobs.shown(text.len()));
        Ok(Answer { logprobs, ..Answer::new(text, finish, usage, signals) })
    }
}

/// Where an answer of `form` says something, apart from what its form says; nothing where every token does.
fn says(form: &Form, finish: Finish, text: &str) -> Option<Vec<Range<usize>>> {
    match form {
        Form::Text => None,
        Form::JsonObject | Form::JsonSchema(_) => Some(values(text)),
        // That it calls says something, too, where it need not.
        Form::Calls(tools) if finish == Finish::ToolCalls => {
            let begin = (tools.choice == ToolChoice::Auto).then_some(0..1);
            Some(begin.into_iter().chain(values(text)).collect())
        }
        Form::Calls(tools) => says(&tools.otherwise, finish, text),
    }
}

/// Tokens to text: whole characters, nothing from a stop text on.
#[derive(Debug)]
struct Text {
    detokenizer: Detokenizer,
    filter: StopFilter,
    text: String,
    /// Bytes that the tokens stand for so far, those that are not shown included.
    told: usize,
    stopped: bool,
}

impl Text {
    fn new(stops: &[String]) -> Self {
        let (detokenizer, filter) = (Detokenizer::default(), StopFilter::new(stops));
        Self { detokenizer, filter, text: String::new(), told: 0, stopped: false }
    }

    /// Takes a token; true if it completed a stop text.
    fn push(&mut self, format: &Format, token: u32) -> Result<bool, StudentError> {
        let new = self.detokenizer.push(&format.tokenizer, token)?;
        self.told += new.len();
        let passed = self.filter.push(&new);
        self.text.push_str(&passed.text);
        self.stopped = passed.stopped;
        Ok(self.stopped)
    }

    /// The whole text, with what was held back unless a stop text ended it, and whether one did.
    fn finish(self, format: &Format) -> Result<(String, bool), StudentError> {
        let Self { detokenizer, mut filter, mut text, mut stopped, .. } = self;
        if !stopped {
            let passed = filter.push(&detokenizer.finish(&format.tokenizer)?);
            text.push_str(&passed.text);
            stopped = passed.stopped;
            if !stopped {
                text.push_str(&filter.finish());
            }
        }
        Ok((text, stopped))
    }
}

#[cfg(test)]
mod tests;
