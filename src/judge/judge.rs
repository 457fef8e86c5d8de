//! The judge: one question after the other through the model, each paid before it is asked.

use std::fmt;
use std::sync::Arc;

use wire::{Answer, ChatModel, ModelError, Prompt};

use crate::budget::{Budget, Reservation};
use crate::cache::{Cache, Key, key};
use crate::material::{self, prompt_version};
use crate::preference::Said;
use crate::{JudgeError, JudgeSettings, Preference, Rubric, Spent};

/// A model that judges. Shared by everything that asks it: the budget is of the whole process.
pub struct Judge {
    model: Arc<dyn ChatModel>,
    settings: JudgeSettings,
    budget: Budget,
    preferences: Cache<Preference>,
    rubrics: Cache<Rubric>,
    version: String,
}

impl Judge {
    /// A judge that has spent nothing yet; see [`resume`](Self::resume).
    ///
    /// # Errors
    /// [`JudgeError::Disabled`] without a model in `settings`, [`JudgeError::Settings`] when they cannot be used.
    pub fn new(model: Arc<dyn ChatModel>, settings: JudgeSettings) -> Result<Self, JudgeError> {
        if !settings.enabled() {
            return Err(JudgeError::Disabled);
        }
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(JudgeError::Settings(problems));
        }
        let budget = Budget::new(&settings);
        let version = prompt_version();
        Ok(Self { model, settings, budget, preferences: Cache::new(), rubrics: Cache::new(), version })
    }

    /// Takes over what an earlier process spent; the larger amount counts where both know the day.
    pub fn resume(&self, before: Spent) {
        self.budget.resume(before);
    }

    /// What is spent or reserved of the newest day. Kept on disk after every verdict, a killed process forgets
    /// no more than the calls that it had under way.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.budget.spent()
    }

    /// Which answer to `prompt` is better, blind and in both orders; a question that was answered before costs nothing.
    /// Equal texts are asked about like any others.
    ///
    /// # Errors
    /// [`JudgeError`] when the budget is spent, the model gives no answer or one that cannot be read.
    pub async fn prefer(
        &self,
        prompt: &Prompt,
        student: &str,
        teacher: &str,
        now_ms: u64,
    ) -> Result<Preference, JudgeError> {
        let known = self.preferences.get(&self.key("pairwise", prompt, &[student, teacher]));
        match known {
            Some(known) => Ok(Preference { cost: 0.0, ..known }),
            None => self.prefer_anew(prompt, student, teacher, now_ms).await,
        }
    }

    /// As [`prefer`](Self::prefer), but asked and paid even if the verdict is known: for measuring the judge itself.
    ///
    /// # Errors
    /// As [`prefer`](Self::prefer).
    pub async fn prefer_anew(
        &self,
        prompt: &Prompt,
        student: &str,
        teacher: &str,
        now_ms: u64,
    ) -> Result<Preference, JudgeError> {
        let ask = |a, b| material::pairwise(prompt, a, b, self.settings.max_tokens).map_err(|e| unwritable(&e));
        let (first, second) = (ask(student, teacher)?, ask(teacher, student)?);
        // Both are reserved before the first is asked: half a verdict would be money for nothing.
        let for_first = self.budget.reserve(&first, now_ms)?;
        let for_second = self.budget.reserve(&second, now_ms)?;
        let (first, first_cost) = self.ask(first, for_first).await?;
        let first = Said::read(&first)?;
        let (second, second_cost) = self.ask(second, for_second).await?;
        let preference = Preference::of([first, Said::read(&second)?], first_cost + second_cost);
        self.preferences.put(self.key("pairwise", prompt, &[student, teacher]), preference.clone());
        Ok(preference)
    }

    /// How good one answer to `prompt` is, by the rubric; an answer that was rated before costs nothing.
    ///
    /// # Errors
    /// As [`prefer`](Self::prefer).
    pub async fn rate(&self, prompt: &Prompt, answer: &str, now_ms: u64) -> Result<Rubric, JudgeError> {
        let key = self.key("rubric", prompt, &[answer]);
        if let Some(known) = self.rubrics.get(&key) {
            return Ok(Rubric { cost: 0.0, ..known });
        }
        let question = material::rubric(prompt, answer, self.settings.max_tokens).map_err(|e| unwritable(&e))?;
        let paid = self.budget.reserve(&question, now_ms)?;
        let (said, cost) = self.ask(question, paid).await?;
        let rubric = Rubric { cost, ..Rubric::read(&said)? };
        self.rubrics.put(key, rubric.clone());
        Ok(rubric)
    }

    /// The model's answer and what it cost.
    async fn ask(&self, question: Prompt, mut paid: Reservation<'_>) -> Result<(Answer, f64), JudgeError> {
        paid.begin();
        match self.model.answer(question).await {
            Ok(answer) => {
                let cost = paid.settle(answer.usage);
                Ok((answer, cost))
            }
            Err(error) => {
                // A model that failed half-way may charge for it; one that refused to begin does not.
                if matches!(error, ModelError::Busy | ModelError::Ineligible(_)) {
                    paid.refund();
                }
                Err(error.into())
            }
        }
    }

    fn key(&self, kind: &str, prompt: &Prompt, answers: &[&str]) -> Key {
        let roles = prompt.turns.iter().flat_map(|turn| [role(turn.role), turn.text.as_str()]);
        let answers = answers.iter().copied();
        key([kind, self.model.name(), self.version.as_str()].into_iter().chain(answers).chain(roles))
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("model", &self.model.name()).field("spent", &self.spent()).finish_non_exhaustive()
    }
}

fn role(role: wire::Role) -> &'static str {
    match role {
        wire::Role::Assistant => "assistant",
        wire::Role::System => "system",
        wire::Role::User => "user",
    }
}

/// Strings always become JSON; if they once did not, no verdict could be had.
fn unwritable(error: &serde_json::Error) -> JudgeError {
    ModelError::Failed(format!("the question cannot be written as JSON: {error}")).into()
}
