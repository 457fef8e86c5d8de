//! One try of a student: open the version, let it answer within its time, verify what it said.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use callsite::VersionId;
use futures_util::FutureExt;
use handover::Candidate;
use verify::{Verdict, Verifier};
use wire::{Answer, Ineligible, ModelError, Prompt};

use crate::Gateway;
use crate::call::Call;
use crate::reason::Reason;

/// What a student made of a prompt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) version: VersionId,
    pub(crate) answer: Answer,
    /// In [0, 1]; compared with the proven threshold.
    pub(crate) confidence: f64,
    pub(crate) verdict: Verdict,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Nothing is wrong with the student.
    Busy,
    /// Nor here: it can never be asked this.
    Ineligible(Ineligible),
    /// It failed, in words.
    Failed(String),
    TimedOut,
}

impl NoAnswer {
    /// Whether it counts against the version.
    fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::TimedOut)
    }

    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Busy => Reason::StudentBusy,
            Self::Ineligible(ineligible) => Reason::Ineligible(ineligible.clone()),
            Self::Failed(_) => Reason::StudentFailed,
            Self::TimedOut => Reason::StudentTimeout,
        }
    }
}

/// Asks the candidate's version. Dropping the future ends the student's work. An answer is counted, whatever is made of it;
/// of a failure who asked tells the ledger ([`count_failure`]).
pub(crate) async fn attempt(
    gateway: &Gateway,
    call: &Call,
    candidate: &Candidate,
    prompt: &Prompt,
) -> Result<Attempt, NoAnswer> {
    let (version, began) = (&candidate.version, Instant::now());
    let answered = tokio::time::timeout(gateway.student_time, answer(gateway, call, version, prompt)).await;
    let answer = answered.unwrap_or(Err(NoAnswer::TimedOut)).inspect_err(|problem| {
        if problem.is_failure() {
            tracing::warn!(site = %call.site, %version, ?problem, "the student gave no answer");
        }
        if let NoAnswer::Ineligible(Ineligible::Schema(why)) = problem {
            tracing::warn!(site = %call.site, why, "no student can be kept to the request's schema; the teacher is asked");
        }
    })?;
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    gateway.ledger.student_answered(&call.site, version, latency_ms, (gateway.clock)());
    // The client gets all choices or none: what one fails, the answer fails, and it is as sure as its least sure choice.
    let verdict = answer.choices().map(|choice| call.rules.verifiers.check(prompt, choice));
    let verdict = verdict.fold(Verdict::Pass, |worst, next| if worst == Verdict::Pass { next } else { worst });
    let sure = |choice: &Answer| verify::confidence::of(&choice.signals, candidate.calibration.as_ref());
    let confidence = answer.choices().map(sure).fold(f64::INFINITY, f64::min);
    Ok(Attempt { version: version.clone(), answer, confidence, verdict })
}

/// Tells the ledger of a try that failed.
pub(crate) fn count_failure(gateway: &Gateway, call: &Call, version: &VersionId, tried: &Result<Attempt, NoAnswer>) {
    if tried.as_ref().is_err_and(NoAnswer::is_failure) {
        gateway.ledger.student_failed(&call.site, version, (gateway.clock)());
    }
}

async fn answer(gateway: &Gateway, call: &Call, version: &VersionId, prompt: &Prompt) -> Result<Answer, NoAnswer> {
    let model = match gateway.students.opened(&call.site, version) {
        Some(model) => model,
        None => {
            let (students, site, version) = (gateway.students.clone(), call.site.clone(), version.clone());
            // Reading a version from disk is no work for a serving thread; a panic in there ends the attempt, not the request.
            let opened = tokio::task::spawn_blocking(move || students.open(&site, &version)).await;
            opened.map_err(|error| NoAnswer::Failed(error.to_string()))?.map_err(NoAnswer::Failed)?
        }
    };
    // A panic ends the attempt, not the connection, and not the audit either.
    let prompt = Prompt { within: Some(within(gateway, call)), ..prompt.clone() };
    let answering = AssertUnwindSafe(async { model.answer(prompt).await }).catch_unwind();
    let answered = answering.await.map_err(|_| NoAnswer::Failed("the student panicked".to_owned()))?;
    answered.map_err(|error| match error {
        ModelError::Busy => NoAnswer::Busy,
        ModelError::Ineligible(ineligible) => NoAnswer::Ineligible(ineligible),
        ModelError::Failed(problem) => NoAnswer::Failed(problem),
    })
}

/// How soon an answer has to be whole: what is later is given up, or a slow one to the call site.
fn within(gateway: &Gateway, call: &Call) -> Duration {
    let slow = call.rules.policy.latency_max_ms.map(Duration::from_millis);
    slow.map_or(gateway.student_time, |slow| slow.min(gateway.student_time))
}
