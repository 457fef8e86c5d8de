//! Students that follow a script.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callsite::{SiteId, VersionId};
use parking_lot::Mutex;
use wire::{Answer, Answering, ChatModel, Finish, Ineligible, ModelError, Prompt, Signals, Usage};

use crate::Students;

/// What every version says from now on.
#[derive(Clone, Debug)]
pub(super) enum Says {
    Answer(Answer),
    /// The same after a while.
    Later(Duration, Answer),
    Error(ModelError),
    /// Works and never comes to an end.
    Never,
    Panics,
}

impl Says {
    /// An answer that the student is sure of.
    pub(super) fn text(text: &str) -> Self {
        Self::answer(text, 0.0)
    }

    /// An answer whose least sure token has this log-probability.
    pub(super) fn answer(text: &str, min_logprob: f32) -> Self {
        let usage = Usage { prompt_tokens: 7, completion_tokens: 3 };
        let signals = Signals { min_logprob, ..Signals::default() };
        Self::Answer(Answer::new(text, Finish::Stop, usage, signals))
    }

    /// Several choices, each with the log-probability of its least sure token.
    pub(super) fn choices(said: &[(&str, f32)]) -> Self {
        let answer = |(text, min_logprob): &(&str, f32)| match Self::answer(text, *min_logprob) {
            Self::Answer(answer) => answer,
            other => panic!("{other:?}"),
        };
        let mut all: Vec<Answer> = said.iter().map(answer).collect();
        let first = all.remove(0);
        Self::Answer(Answer { further: all, ..first })
    }

    pub(super) fn failure() -> Self {
        Self::Error(ModelError::Failed("out of ink".into()))
    }
}

/// How a version is got hold of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Opens {
    /// It was opened before.
    AtOnce,
    FromDisk,
    Fails,
    Panics,
}

struct Script {
    says: Mutex<Says>,
    opens: Mutex<Opens>,
    accepts: Mutex<Result<(), Ineligible>>,
    asked: Mutex<Vec<(VersionId, Prompt)>>,
    /// Answers that were given up before their end.
    dropped: AtomicUsize,
}

/// All versions of all sites.
#[derive(Clone)]
pub(super) struct ScriptedStudents(Arc<Script>);

impl ScriptedStudents {
    pub(super) fn new() -> Self {
        Self(Arc::new(Script {
            says: Mutex::new(Says::text("yes")),
            opens: Mutex::new(Opens::AtOnce),
            accepts: Mutex::new(Ok(())),
            asked: Mutex::default(),
            dropped: AtomicUsize::new(0),
        }))
    }

    pub(super) fn say(&self, says: Says) {
        *self.0.says.lock() = says;
    }

    pub(super) fn open_by(&self, opens: Opens) {
        *self.0.opens.lock() = opens;
    }

    pub(super) fn accept(&self, accepts: Result<(), Ineligible>) {
        *self.0.accepts.lock() = accepts;
    }

    /// How often a version was put a prompt.
    pub(super) fn asked(&self) -> usize {
        self.0.asked.lock().len()
    }

    pub(super) fn prompts(&self) -> Vec<Prompt> {
        self.0.asked.lock().iter().map(|(_, prompt)| prompt.clone()).collect()
    }

    pub(super) fn versions_asked(&self) -> Vec<String> {
        self.0.asked.lock().iter().map(|(version, _)| version.to_string()).collect()
    }

    pub(super) fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::SeqCst)
    }

    fn model(&self, version: &VersionId) -> Arc<dyn ChatModel> {
        Arc::new(ScriptedModel { students: self.clone(), version: version.clone() })
    }
}

impl Students for ScriptedStudents {
    fn accepts(&self, _: &Prompt) -> Result<(), Ineligible> {
        self.0.accepts.lock().clone()
    }

    fn opened(&self, _: &SiteId, version: &VersionId) -> Option<Arc<dyn ChatModel>> {
        matches!(*self.0.opens.lock(), Opens::AtOnce).then(|| self.model(version))
    }

    fn open(&self, _: &SiteId, version: &VersionId) -> Result<Arc<dyn ChatModel>, String> {
        let opens = *self.0.opens.lock();
        match opens {
            Opens::AtOnce | Opens::FromDisk => Ok(self.model(version)),
            Opens::Fails => Err("a bad sector".into()),
            Opens::Panics => panic!("as the script says"),
        }
    }
}

struct ScriptedModel {
    students: ScriptedStudents,
    version: VersionId,
}

impl ChatModel for ScriptedModel {
    fn name(&self) -> &str {
        self.version.as_str()
    }

    fn accepts(&self, _: &Prompt) -> Result<(), Ineligible> {
        Ok(())
    }

    fn answer(&self, prompt: Prompt) -> Answering {
        let script = self.students.0.clone();
        script.asked.lock().push((self.version.clone(), prompt));
        let says = script.says.lock().clone();
        Box::pin(async move {
            match says {
                Says::Answer(answer) => Ok(answer),
                Says::Later(after, answer) => {
                    tokio::time::sleep(after).await;
                    Ok(answer)
                }
                Says::Error(error) => Err(error),
                Says::Panics => panic!("as the script says"),
                Says::Never => {
                    let _work = Unfinished(script);
                    std::future::pending().await
                }
            }
        })
    }
}

/// Work that was begun and is never finished.
struct Unfinished(Arc<Script>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}
