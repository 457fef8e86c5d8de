//! A scripted model, and runs in folders of their own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use wire::{Answer, Answering, ChatModel, Finish, Ineligible, ModelError, Prompt, Sampling, Signals, Usage};

use crate::run::{Facts, Limits};
use crate::{Run, Start};

type Says = dyn Fn(&str, usize) -> Result<String, ModelError> + Send + Sync;

/// Says what a function of the question, and of how many were asked before, says.
pub(super) struct Script {
    says: Arc<Says>,
    asked: Arc<AtomicUsize>,
}

impl Script {
    pub(super) fn new(says: impl Fn(&str, usize) -> Result<String, ModelError> + Send + Sync + 'static) -> Self {
        Self { says: Arc::new(says), asked: Arc::default() }
    }

    pub(super) fn counter(&self) -> Arc<AtomicUsize> {
        self.asked.clone()
    }
}

impl ChatModel for Script {
    fn name(&self) -> &str {
        "script"
    }

    fn accepts(&self, _: &Prompt) -> Result<(), Ineligible> {
        Ok(())
    }

    fn answer(&self, prompt: Prompt) -> Answering {
        if let Sampling::Random { seed: Some(seed), .. } = prompt.sampling {
            assert!(i32::try_from(seed).is_ok(), "a server may read a seed into 32 bits: {seed}");
        }
        let at = self.asked.fetch_add(1, Ordering::SeqCst);
        let said = (self.says)(&prompt.turns.last().unwrap().text, at);
        let usage = Usage { prompt_tokens: 10, completion_tokens: 5 };
        // `~` at the end: cut off there.
        let answer = said.map(|text| {
            let finish = if text.ends_with('~') { Finish::Length } else { Finish::Stop };
            Answer::new(text.trim_end_matches('~').to_owned(), finish, usage, Signals::default())
        });
        Box::pin(async move { answer })
    }
}

pub(super) fn begin(folder: &Path, teacher: Script, student: Option<Script>) -> Run {
    let facts = Facts {
        pipeline: if folder.ends_with("bootstrap") { "bootstrap" } else { "test" }.into(),
        teacher: "script".into(),
        student: student.as_ref().map(|_| "script".into()),
        seed: 1,
        arguments: json!({}),
    };
    let student = student.map(|student| Arc::new(student) as Arc<dyn ChatModel>);
    let (limits, prompts) = (Limits::default(), None);
    Run::begin(Start {
        folder: folder.into(),
        facts,
        teacher: Arc::new(teacher),
        student,
        limits,
        prompts,
        clock: || 7,
    })
    .unwrap()
}
