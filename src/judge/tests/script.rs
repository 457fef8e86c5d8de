//! Scripted models, a conversation, settings in which a token costs a round sum.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wire::{
    Answer, Answering, ChatModel, Finish, Ineligible, ModelError, Prompt, Role, Sampling, Signals, Turn, Usage,
};

use crate::{Judge, JudgeSettings};

/// 2026-01-01 00:00 UTC, ms.
pub(super) const NEW_YEAR: u64 = 1_767_225_600_000;
pub(super) const DAY_MS: u64 = 86_400_000;

type Reply = dyn Fn(usize, &Asked) -> Result<Answer, ModelError> + Send + Sync;

/// The user turn of a question, read back.
pub(super) struct Asked {
    pub(super) system: String,
    pub(super) material: serde_json::Value,
}

impl Asked {
    fn of(prompt: &Prompt) -> Self {
        let text = |role| prompt.turns.iter().find(|turn| turn.role == role).unwrap().text.clone();
        Self { system: text(Role::System), material: serde_json::from_str(&text(Role::User)).unwrap() }
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.material[key].as_str().unwrap().to_owned()
    }
}

/// Answers by a rule and remembers what it was asked.
pub(super) struct Script {
    reply: Box<Reply>,
    pub(super) prompts: Mutex<Vec<Prompt>>,
    calls: AtomicUsize,
    delay: Duration,
}

impl Script {
    pub(super) fn new(
        reply: impl Fn(usize, &Asked) -> Result<Answer, ModelError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::slow(Duration::ZERO, reply)
    }

    pub(super) fn slow(
        delay: Duration,
        reply: impl Fn(usize, &Asked) -> Result<Answer, ModelError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { reply: Box::new(reply), prompts: Mutex::default(), calls: AtomicUsize::new(0), delay })
    }

    /// Always writes `text`.
    pub(super) fn says(text: &str) -> Arc<Self> {
        let text = text.to_owned();
        Self::new(move |_, _| Ok(answer(&text)))
    }

    /// Prefers the answer that holds `word`, wherever it stands; a tie when both do or neither does.
    pub(super) fn prefers(word: &'static str) -> Arc<Self> {
        Self::new(move |_, asked| {
            let holds = |key| asked.text(key).contains(word);
            Ok(answer(match (holds("answer_a"), holds("answer_b")) {
                (true, false) => r#"{"better": "A", "reason": "a"}"#,
                (false, true) => r#"{"better": "B", "reason": "b"}"#,
                _ => r#"{"better": "tie", "reason": "none"}"#,
            }))
        })
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl ChatModel for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    fn accepts(&self, _: &Prompt) -> Result<(), Ineligible> {
        Ok(())
    }

    fn answer(&self, prompt: Prompt) -> Answering {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let said = (self.reply)(call, &Asked::of(&prompt));
        self.prompts.lock().unwrap().push(prompt);
        let delay = self.delay;
        Box::pin(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            said
        })
    }
}

/// What a judge writes; ten tokens read and two written.
pub(super) fn answer(text: &str) -> Answer {
    let usage = Usage { prompt_tokens: 10, completion_tokens: 2 };
    Answer::new(text, Finish::Stop, usage, Signals::default())
}

/// A token costs 1, read or written.
pub(super) fn settings(budget_per_day: f64) -> JudgeSettings {
    let model = "script".to_owned();
    JudgeSettings { model, budget_per_day, input_price: 1e6, output_price: 1e6, max_tokens: 100 }
}

pub(super) fn judge(script: &Arc<Script>) -> Judge {
    judge_with(script, settings(1e6))
}

pub(super) fn judge_with(script: &Arc<Script>, settings: JudgeSettings) -> Judge {
    Judge::new(script.clone(), settings).unwrap()
}

pub(super) fn prompt() -> Prompt {
    let turn = |role, text: &str| Turn { role, text: text.into() };
    let turns = vec![turn(Role::System, "You are Mara. A rope costs 7 gold."), turn(Role::User, "What is the rope?")];
    Prompt::new(turns, 60, Sampling::Greedy)
}

/// Waits for a future.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// How often each of `values` occurs.
pub(super) fn counts<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    values.into_iter().for_each(|value| *counts.entry(value).or_insert(0) += 1);
    counts
}
