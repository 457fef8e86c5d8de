//! The work beside the traffic: the missing half of an audit is asked for, the two answers are measured, and what
//! came of it is recorded in the order of the requests. The teacher is asked a second time where the measure needs
//! it, or is still to be chosen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use callsite::SiteId;
use handover::{Audit, AuditOutcome, Numbers};
use http::Method;
use http_body_util::{BodyExt, Limited};
use teacher::Outgoing;
use tokio::task::JoinSet;
use uuid::Uuid;
use verify::{Features, Measure, Repeat, Score, Seen, Verdict, prompt_key};
use wire::{CompletionSummary, Prompt};

use crate::attempt::{Attempt, NoAnswer, attempt};
use crate::audit::{Audits, Finished, Job, Repetition, Task, Taught, count};
use crate::call::Call;
use crate::lost::Lost;
use crate::tee::CapturedBody;
use crate::{Gateway, GatewayError, encoding, limits, outages, record};

/// How often places whose time is over are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

impl Audits {
    /// Works until every [`crate::Auditor`] is gone.
    ///
    /// # Errors
    /// When no way to the teacher can be set up.
    pub async fn work(self, gateway: Arc<Gateway>) -> Result<(), GatewayError> {
        let Self { mut waiting, mut finished, order } = self;
        let client = teacher::Client::new(&gateway.endpoint)?;
        let recorder = gateway.clone();
        let recording = async move {
            while let Some((site, finished)) = finished.recv().await {
                record_audit(&recorder, &site, finished).await;
            }
        };
        let expirer = gateway.clone();
        let expiring = async move {
            loop {
                tokio::time::sleep(EXPIRE_EVERY).await;
                let late = order.expire(Instant::now(), limits::AUDIT_PLACE_TIME);
                late.iter().for_each(|site| count(&expirer, site, Lost::TooLate));
            }
        };
        let working = async move {
            let mut running = JoinSet::new();
            while let Some(task) = waiting.recv().await {
                while running.len() >= limits::AUDITS_AT_ONCE {
                    running.join_next().await;
                }
                running.spawn(perform(gateway.clone(), client.clone(), task));
            }
            while running.join_next().await.is_some() {}
        };
        tokio::select! {
            ((), ()) = futures_util::future::join(working, recording) => {}
            () = expiring => {}
        }
        Ok(())
    }
}

async fn perform(gateway: Arc<Gateway>, client: teacher::Client, task: Task) {
    match task {
        Task::Audit(job) => {
            let call = job.call.clone();
            if let Err(lost) = audit(&gateway, &client, *job).await {
                count(&gateway, &call.site, lost);
            }
        }
        Task::Repeat(repetition) => repeat(&gateway, &client, *repetition).await,
    }
}

async fn audit(gateway: &Arc<Gateway>, client: &teacher::Client, job: Job) -> Result<(), Lost> {
    let Job { call, candidate, prompt, student, teacher, served, place } = job;
    let teacher = match teacher {
        Some(taught) => taught,
        None => ask_teacher(gateway, client, &call, Asking::FirstTime).await?,
    };
    let student = match student {
        Some(tried) => tried,
        None => attempt(gateway, &call, &candidate, &prompt).await,
    };
    let (prompt_key, near) = (prompt_key::key(&prompt), prompt_key::near_key(&prompt, teacher.text()));
    let features = student.as_ref().ok().map(|attempt| Features::of(&attempt.answer.signals));
    let (outcome, label) = match student {
        Ok(attempt) => {
            let Some(measure) = &candidate.measure else { return Err(Lost::Ineligible) };
            let outcome = compared(gateway, client, &call, measure, &prompt, &attempt, &teacher).await?;
            (outcome, if is_good(&outcome) { "good" } else { "bad" })
        }
        Err(NoAnswer::Busy) => return Err(Lost::StudentBusy),
        Err(NoAnswer::Ineligible(_)) => return Err(Lost::Ineligible),
        // A student that gives no answer is no good; leaving the audit out would flatter it.
        Err(NoAnswer::Failed(_) | NoAnswer::TimedOut) => (AuditOutcome::NoAnswer, "no_answer"),
    };
    let audit = Audit {
        request: call.id.to_string(),
        version: candidate.version.clone(),
        served,
        prompt: prompt_key,
        near,
        user: call.user,
        features,
        outcome,
    };
    if place.fill(Finished { audit, label }) { Ok(()) } else { Err(Lost::TooLate) }
}

fn is_good(outcome: &AuditOutcome) -> bool {
    matches!(outcome, AuditOutcome::Compared { bad: false, verified: true, .. })
}

/// Measures the student's answer against the teacher's.
async fn compared(
    gateway: &Arc<Gateway>,
    client: &teacher::Client,
    call: &Arc<Call>,
    measure: &Measure,
    prompt: &Prompt,
    attempt: &Attempt,
    teacher: &Taught,
) -> Result<AuditOutcome, Lost> {
    let (confidence, verified) = (attempt.confidence, attempt.verdict == Verdict::Pass);
    let Taught::Answer(teacher) = teacher else {
        let numbers = Numbers { refused: true, ..Numbers::default() };
        return Ok(AuditOutcome::Compared { quality: 0.0, bad: true, confidence, verified, numbers });
    };
    let again = if measure.needs_repeat() {
        match ask_teacher(gateway, client, call, Asking::Again).await? {
            Taught::Answer(again) => Some(again.text),
            Taught::Refusal => return Err(Lost::TeacherNotPlain),
        }
    } else {
        None
    };
    let judged = if measure.needs_judge() {
        let preference = gateway.judge(call, prompt, &attempt.answer.text, &teacher.text).await?;
        gateway.watch_judge(call, prompt, &teacher.text, measure.sensitivity()).await;
        Some(preference)
    } else {
        None
    };
    let (similarity, measure, bad_below) = (gateway.similarity.clone(), measure.clone(), call.rules.policy.bad_below);
    let (said, student, teacher) = (prompt_key::text(prompt), attempt.answer.text.clone(), teacher.text.clone());
    // Long texts and embeddings take their time: no work for a thread that serves others.
    let scored = tokio::task::spawn_blocking(move || {
        let seen =
            Seen { prompt: &said, student: &student, teacher: &teacher, teacher_again: again.as_deref(), judged };
        let Score { quality, bad, similarity, again, why } = measure.score(&seen, &*similarity, bad_below)?;
        let numbers = Numbers { similarity, again, judged, wrong: why.is_some(), refused: false };
        Some(AuditOutcome::Compared { quality, bad, confidence, verified, numbers })
    });
    scored.await.ok().flatten().ok_or(Lost::JudgeSilent)
}

/// Records one audit; the next waits until it is on disk.
async fn record_audit(gateway: &Arc<Gateway>, site: &SiteId, finished: Finished) {
    let Finished { audit, label } = finished;
    let (ledger, at_ms, of) = (gateway.ledger.clone(), (gateway.clock)(), site.clone());
    // The record is synced to the disk: no work for a thread that serves others.
    match tokio::task::spawn_blocking(move || ledger.record_audit(&of, at_ms, audit)).await {
        Ok(Ok(())) => gateway.metrics.audits_total(site.as_str(), label).inc(),
        Ok(Err(error)) => {
            tracing::error!(%site, %error, "an audit could not be recorded");
            count(gateway, site, Lost::LogUnavailable);
        }
        Err(_) => count(gateway, site, Lost::LogUnavailable),
    }
}

/// Asks the teacher a second time and records how far it agrees with itself.
async fn repeat(gateway: &Arc<Gateway>, client: &teacher::Client, repetition: Repetition) {
    let Repetition { call, prompt, teacher } = repetition;
    let key = prompt_key::key(&prompt);
    if !gateway.ledger.wants_repeat(&call.site, key) {
        return;
    }
    let Ok(Taught::Answer(again)) = ask_teacher(gateway, client, &call, Asking::Again).await else { return };
    let check = gateway.check_judge(&call, &prompt, &teacher.text, &again.text).await;
    let (ledger, similarity, at_ms) = (gateway.ledger.clone(), gateway.similarity.clone(), (gateway.clock)());
    let recorded = tokio::task::spawn_blocking(move || {
        let tolerance = call.rules.policy.tolerance;
        let answers = [teacher.text.as_str(), again.text.as_str()];
        let repeat = Repeat::of(key, &prompt_key::text(&prompt), answers, tolerance, &*similarity, check);
        ledger.record_repeat(&call.site, at_ms, repeat)
    });
    if let Ok(Err(error)) = recorded.await {
        tracing::error!(%error, "a repeated answer of the teacher could not be recorded");
    }
}

/// What an answer of the teacher's is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// It belongs to a served request: kept like any other exchange.
    FirstTime,
    /// It shows the teacher's own variance: counted, not kept.
    Again,
}

/// Puts the client's own bytes to the teacher.
async fn ask_teacher(gateway: &Gateway, client: &teacher::Client, call: &Call, asking: Asking) -> Result<Taught, Lost> {
    let body = Outgoing::Whole(call.body.clone());
    let asked = client.send(&Method::POST, &call.path, call.query.as_deref(), &call.headers, body).await;
    let answer = asked.map_err(|_| Lost::TeacherUnreachable)?;
    outages::over(gateway);
    let (status, codings) = (answer.status(), encoding::of(answer.headers()));
    let body = Limited::new(answer.into_body(), limits::CAPTURED_BYTES_MAX).collect().await;
    let bytes = body.map_err(|_| Lost::TeacherNotPlain)?.to_bytes();
    let bytes = codings.decode(&bytes, limits::CAPTURED_BYTES_MAX).ok_or(Lost::TeacherNotPlain)?;
    let summary: Option<CompletionSummary> = call.api.read(call.delivery.stream, &bytes);
    let spent = summary.as_ref().map(|summary| &summary.spent);
    match asking {
        // The student's own answer to this request is kept under the call's id already.
        Asking::FirstTime => {
            let body = CapturedBody { bytes, complete: true, too_large: false, client_left: false, first: None };
            gateway.metrics.teacher_asked_again_total(call.site.as_str(), "audit").inc();
            record::teacher_answered(gateway, call, Uuid::now_v7(), status, &body, spent);
        }
        Asking::Again => record::teacher_asked_again(gateway, call, spent),
    }
    Taught::of(status, summary)
}
