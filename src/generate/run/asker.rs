//! The one way by which makers ask a model: from the journal if it was asked before, else under the rate limit, the money cap and
//! the bound on calls at a time; a busy model is asked again later, a failing one is given up for this item.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use wire::{Answer, ChatModel, ModelError, Prompt, Sampling, Usage};

use super::budget::{Budget, Price};
use super::journal::{Call, Journal, Outcome, key};
use super::rate::Rate;
use crate::GenerateError;
use crate::item::Drawn;
use crate::meter::Meter;

/// How often a call is tried, of a model that says it is busy and of one that fails; how long the first pause is; each pause is twice the one
/// before.
const BUSY_TRIES: u32 = 9;
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Failures in a row after which the model counts as gone.
const FAILURES_MAX: u32 = 10;

/// How a run may ask.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Calls at a time.
    pub concurrency: usize,
    /// Calls a minute; 0 is no limit.
    pub per_minute: u32,
    pub price: Price,
    /// Dollars that the run may cost in all; none is no limit.
    pub cap_usd: Option<f64>,
    /// Tokens that a reasoning teacher may think beside its answer: added to what every answer may have.
    pub reasoning_tokens: u32,
    /// Whether temperature, top_p, seed and stop texts are sent: some teachers refuse them.
    pub sampling: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            per_minute: 0,
            price: Price::default(),
            cap_usd: None,
            reasoning_tokens: 0,
            sampling: true,
        }
    }
}

/// One question of a stage.
#[derive(Clone, Debug)]
pub struct Ask {
    pub stage: &'static str,
    pub prompt: Prompt,
    /// Tells equal prompts of a stage apart.
    pub draw: u64,
}

/// What the askers of a run share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) journal: Arc<Journal>,
    pub(crate) meter: Arc<Meter>,
    /// Somebody wants the run to end.
    pub(crate) stop: Arc<AtomicBool>,
    /// Unix time in milliseconds.
    pub(crate) clock: fn() -> u64,
}

/// Asks one model for one run.
pub struct Asker {
    model: Arc<dyn ChatModel>,
    /// The same model as it answers at one stage.
    at_stage: BTreeMap<&'static str, Arc<dyn ChatModel>>,
    limits: Limits,
    budget: Budget,
    shared: Shared,
    rate: Mutex<Rate>,
    began: Instant,
    failures: AtomicU32,
    /// Failures that no answer has followed: kept once the model is known to be there, asked again otherwise.
    unsettled: Mutex<Vec<Call>>,
}

impl Asker {
    /// `spent` is what earlier parts of the run paid.
    pub(crate) fn new(model: Arc<dyn ChatModel>, limits: Limits, spent: f64, shared: Shared) -> Self {
        Self {
            model,
            at_stage: BTreeMap::new(),
            budget: Budget::new(limits.cap_usd, spent),
            rate: Mutex::new(Rate::new(limits.per_minute)),
            limits,
            shared,
            began: Instant::now(),
            failures: AtomicU32::new(0),
            unsettled: Mutex::default(),
        }
    }

    /// At `stage` the model is asked as `form`, such as one that is held to a schema.
    pub fn ask_as(&mut self, stage: &'static str, form: Arc<dyn ChatModel>) {
        self.at_stage.insert(stage, form);
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        self.model.name()
    }

    /// The answers to `asks`, in their order, however they come in. An item without an answer has a
    /// [`Outcome::Failed`], for good: asked again it would give another run.
    ///
    /// # Errors
    /// What ends the run: the cap, a model that is gone, a disk that takes nothing.
    pub async fn ask_all(&self, asks: Vec<Ask>) -> Result<Vec<Arc<Call>>, GenerateError> {
        self.shared.meter.stage(asks.first().map_or("", |ask| ask.stage), asks.len() as u64);
        let ended = AtomicBool::new(false);
        let calls = futures_util::stream::iter(asks.into_iter().map(|ask| self.ask_unless(&ended, ask)));
        let mut calls = calls.buffered(self.limits.concurrency.max(1));
        let (mut answered, mut why) = (Vec::new(), None);
        // What is under way is paid: it is heard to its end whatever ends the run.
        while let Some(call) = calls.next().await {
            match call {
                Ok(call) => answered.push(call),
                Err(error) => drop(why.get_or_insert(error)),
            }
        }
        why.map_or(Ok(answered), Err)
    }

    /// Asks, unless something has ended the run.
    async fn ask_unless(&self, ended: &AtomicBool, ask: Ask) -> Result<Arc<Call>, GenerateError> {
        if self.shared.stop.load(Ordering::Relaxed) || ended.load(Ordering::Relaxed) {
            return Err(GenerateError::Interrupted);
        }
        let call = self.ask(ask).await;
        if call.is_err() {
            ended.store(true, Ordering::Relaxed);
        }
        call
    }

    async fn ask(&self, ask: Ask) -> Result<Arc<Call>, GenerateError> {
        let key = key(self.model.name(), ask.stage, ask.draw, &ask.prompt);
        let prompt = self.put(&ask.prompt, &key);
        if let Some(known) = self.shared.journal.get(&key) {
            self.shared.meter.replayed(known.text().is_some());
            return Ok(known);
        }
        let most = self.limits.price.most(&prompt);
        self.budget.reserve(most)?;
        let wait = self.rate.lock().wait(self.began.elapsed());
        tokio::time::sleep(wait).await;
        if self.shared.stop.load(Ordering::Relaxed) {
            self.budget.settle(most, 0.0);
            return Err(GenerateError::Interrupted);
        }
        let answer = self.tried(ask.stage, &prompt).await;
        let usage = answer.as_ref().map_or_else(|_| Usage::default(), |answer| answer.usage);
        self.budget.settle(most, self.limits.price.of(usage));
        let call = |outcome| Call {
            key,
            stage: ask.stage.to_owned(),
            model: self.model.name().to_owned(),
            at_ms: (self.shared.clock)(),
            drawn: Drawn::of(ask.prompt.sampling, ask.prompt.max_tokens),
            usage,
            outcome,
        };
        let kept = match answer {
            Ok(Answer { text, finish, .. }) => {
                self.settle().await?;
                self.shared.journal.keep(call(Outcome::Answer { text, finish })).await?
            }
            Err(error) => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                if failures >= FAILURES_MAX || error == ModelError::Busy {
                    let (model, last) = (self.model.name().to_owned(), error.to_string());
                    return Err(GenerateError::Unreachable { model, failures, last });
                }
                let call = call(Outcome::Failed(error.to_string()));
                self.unsettled.lock().push(call.clone());
                Arc::new(call)
            }
        };
        self.shared.meter.paid(kept.text().is_some(), self.budget.spent());
        Ok(kept)
    }

    /// `prompt` as this model can be asked it. The call's key is its seed: the same question is drawn the same way again.
    fn put(&self, prompt: &Prompt, key: &str) -> Prompt {
        let mut prompt = prompt.clone();
        prompt.max_tokens = prompt.max_tokens.saturating_add(self.limits.reasoning_tokens);
        if !self.limits.sampling {
            (prompt.sampling, prompt.stop) = (Sampling::Greedy, Vec::new());
        }
        if let Sampling::Random { seed: seed @ None, .. } = &mut prompt.sampling {
            *seed = key.get(..7).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        }
        prompt
    }

    /// Keeps the failures so far: the model is there, so they were the calls' own.
    async fn settle(&self) -> Result<(), GenerateError> {
        self.failures.store(0, Ordering::Relaxed);
        let unsettled = std::mem::take(&mut *self.unsettled.lock());
        for call in unsettled {
            self.shared.journal.keep(call).await?;
        }
        Ok(())
    }

    /// An answer, or the last reason why there is none. What no repetition can change is not repeated.
    async fn tried(&self, stage: &str, prompt: &Prompt) -> Result<Answer, ModelError> {
        let model = self.at_stage.get(stage).unwrap_or(&self.model);
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            match model.answer(prompt.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error @ ModelError::Ineligible(_)) => return Err(error),
                Err(error @ ModelError::Busy) if tries >= BUSY_TRIES => return Err(error),
                Err(error @ ModelError::Failed(_)) if tries >= TRIES => return Err(error),
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    (pause, tries) = (pause * 2, tries + 1);
                }
            }
        }
    }
}
