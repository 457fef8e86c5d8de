//! Another model's opinion, as audits ask for it. What a judge is, its budget and its cache, lies behind [`Judging`].

use std::pin::Pin;

use verify::JudgeCheck;
use wire::Prompt;

use crate::Gateway;
use crate::call::Call;
use crate::lost::Lost;

/// 0 when the student loses, 1/2 for a tie, 1 when it wins; or why there is no verdict, in words.
pub type Opinion<'a> = Pin<Box<dyn Future<Output = Result<f64, String>> + Send + 'a>>;

/// Compares two answers blindly and in both orders.
pub trait Judging: Send + Sync {
    fn prefer<'a>(&'a self, prompt: &'a Prompt, student: &'a str, teacher: &'a str, now_ms: u64) -> Opinion<'a>;
}

impl Gateway {
    /// The judge's preference between the student's and the teacher's answer.
    pub(crate) async fn judge(&self, call: &Call, prompt: &Prompt, student: &str, teacher: &str) -> Result<f64, Lost> {
        let judge = self.judge.as_ref().ok_or(Lost::JudgeSilent)?;
        let asked = self.metrics.teacher_asked_again_total(call.site.as_str(), "judge");
        asked.inc();
        judge.prefer(prompt, student, teacher, (self.clock)()).await.map_err(|problem| {
            tracing::warn!(site = %call.site, problem, "the judge gave no verdict");
            Lost::JudgeSilent
        })
    }

    /// What the judge makes of pairs whose truth is known: the same answer twice, two answers of the teacher, and a
    /// corrupted one. `None` without a judge, or where it gave no verdict.
    pub(crate) async fn check_judge(
        &self,
        call: &Call,
        prompt: &Prompt,
        teacher: &str,
        again: &str,
    ) -> Option<JudgeCheck> {
        self.judge.as_ref()?;
        let identical = self.judge(call, prompt, teacher, teacher).await.ok()?;
        let own = self.judge(call, prompt, again, teacher).await.ok()?;
        let corrupted = match verify::corrupt(&verify::prompt_key::text(prompt), teacher) {
            Some(corrupted) => Some(self.judge(call, prompt, &corrupted, teacher).await.ok()?),
            None => None,
        };
        Some(JudgeCheck {
            identical_tied: (identical - 0.5).abs() < 1e-9,
            again_tied_or_won: own >= 0.5,
            corrupted_lost: corrupted.map(|preference| preference < 0.5),
        })
    }
}
