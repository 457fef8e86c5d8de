//! Audits: the same request answered by both and compared. Runs beside the traffic, never in it.
//!
//! Which requests are audited was decided by dice before anything about the answers was known. An audit that
//! comes to nothing is counted by its [`Lost`] cause. A client that leaves while the student works may have left
//! because of the student, so that audit is made all the same, without the client.

use std::sync::Arc;

use callsite::VersionId;
use handover::{Audit, AuditOutcome};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;
use verify::Verdict;
use wire::{CompletionSummary, Prompt};

use crate::attempt::{Attempt, NoAnswer, attempt};
use crate::call::Call;
use crate::tee::CapturedBody;
use crate::{Gateway, GatewayError, limits, record};

/// Why an audit came to nothing: the label of `audits_lost_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    QueueFull,
    /// While the teacher answered: the client never saw the student.
    ClientLeft,
    TeacherUnreachable,
    /// It answered with an error status.
    TeacherError,
    /// Its answer is no plain text: a refusal, a tool call, cut off, unreadable, too long to be kept.
    TeacherNotPlain,
    StudentBusy,
    /// The student cannot be asked this after all.
    Ineligible,
    /// The record could not be written.
    LogUnavailable,
}

impl Lost {
    fn label(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::ClientLeft => "client_left",
            Self::TeacherUnreachable => "teacher_unreachable",
            Self::TeacherError => "teacher_error",
            Self::TeacherNotPlain => "teacher_not_plain",
            Self::StudentBusy => "student_busy",
            Self::Ineligible => "ineligible",
            Self::LogUnavailable => "log_unavailable",
        }
    }

    fn count(self, gateway: &Gateway, call: &Call) {
        gateway.metrics.audits_lost_total(call.site.as_str(), self.label()).inc();
    }
}

/// What the version under audit made of the prompt, when it was asked already.
type Tried = Option<Result<Attempt, NoAnswer>>;

/// An audit that waits for what is missing of it.
pub(crate) struct Job {
    call: Arc<Call>,
    version: VersionId,
    prompt: Prompt,
    student: Tried,
    teacher: Option<CompletionSummary>,
    served: bool,
}

impl Job {
    /// Nothing comes of the audit. A failure that it would have recorded counts all the same: with the teacher
    /// down every audit is lost, and then a student that works is needed most.
    fn lose(self, gateway: &Gateway, lost: Lost) {
        if self.student.is_some_and(|tried| tried.as_ref().is_err_and(NoAnswer::is_failure)) {
            gateway.ledger.student_failed(&self.call.site, &self.version, (gateway.clock)());
        }
        lost.count(gateway, &self.call);
    }
}

/// Takes audits; full means lost.
#[derive(Clone, Debug)]
pub struct Auditor {
    queue: mpsc::Sender<Job>,
}

/// The audits that wait.
#[derive(Debug)]
pub struct Audits {
    waiting: mpsc::Receiver<Job>,
}

impl Auditor {
    #[must_use]
    pub fn channel() -> (Self, Audits) {
        let (queue, waiting) = mpsc::channel(limits::AUDITS_MAX);
        (Self { queue }, Audits { waiting })
    }

    fn enqueue(&self, gateway: &Gateway, job: Job) {
        if let Err(mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) =
            self.queue.try_send(job)
        {
            job.lose(gateway, Lost::QueueFull);
        }
    }
}

/// The audit that was planned for a request, if one was. Dropped with the request when the client leaves.
pub(crate) struct Planned {
    gateway: Arc<Gateway>,
    job: Option<Job>,
    student_asked: bool,
}

impl Planned {
    pub(crate) fn new(gateway: &Arc<Gateway>, call: &Arc<Call>, audit: Option<(VersionId, Prompt)>) -> Self {
        let job = |(version, prompt)| Job {
            call: call.clone(),
            version,
            prompt,
            student: None,
            teacher: None,
            served: false,
        };
        Self { gateway: gateway.clone(), job: audit.map(job), student_asked: false }
    }

    /// Whether the teacher's answer must be read.
    pub(crate) fn is_wanted(&self) -> bool {
        self.job.is_some()
    }

    /// From now on a client that leaves may leave because of the student.
    pub(crate) fn student_asked(&mut self) {
        self.student_asked = true;
    }

    /// The client gets the student's answer.
    pub(crate) fn served(mut self, attempt: Attempt) {
        let Some(mut job) = self.job.take() else { return };
        // Beside a canary the version that is audited need not be the one that served.
        if job.version == attempt.version {
            (job.served, job.student) = (true, Some(Ok(attempt)));
        }
        self.gateway.auditor.enqueue(&self.gateway, job);
    }

    /// The teacher is asked instead, after the student `tried`. Says whether the audit takes
    /// what came of it, failures included: made or lost it counts them.
    pub(crate) fn escalated(&mut self, version: &VersionId, tried: Result<Attempt, NoAnswer>) -> bool {
        self.student_asked = false;
        let job = self.job.as_mut().filter(|job| job.version == *version);
        // A busy student may be free when the audit's turn comes.
        match job.filter(|_| !matches!(tried, Err(NoAnswer::Busy))) {
            Some(job) => {
                job.student = Some(tried);
                true
            }
            None => false,
        }
    }

    /// The teacher's answer has ended.
    pub(crate) fn teacher_answered(
        mut self,
        status: StatusCode,
        body: &CapturedBody,
        summary: Option<&CompletionSummary>,
    ) {
        let Some(job) = self.job.take() else { return };
        let lost = match summary {
            _ if status != StatusCode::OK => Lost::TeacherError,
            _ if !body.complete && body.client_left => Lost::ClientLeft,
            Some(summary) if body.complete && summary.is_trainable() => {
                let job = Job { teacher: Some(summary.clone()), ..job };
                return self.gateway.auditor.enqueue(&self.gateway, job);
            }
            _ => Lost::TeacherNotPlain,
        };
        job.lose(&self.gateway, lost);
    }

    /// The teacher gave no answer at all.
    pub(crate) fn teacher_unreachable(mut self) {
        if let Some(job) = self.job.take() {
            job.lose(&self.gateway, Lost::TeacherUnreachable);
        }
    }
}

impl Drop for Planned {
    fn drop(&mut self) {
        match self.job.take() {
            Some(job) if self.student_asked => self.gateway.auditor.enqueue(&self.gateway, job),
            Some(job) => job.lose(&self.gateway, Lost::ClientLeft),
            None => {}
        }
    }
}

impl Audits {
    /// Works until every [`Auditor`] is gone.
    ///
    /// # Errors
    /// When no way to the teacher can be set up.
    pub async fn work(mut self, gateway: Arc<Gateway>) -> Result<(), GatewayError> {
        let client = teacher::Client::new(&gateway.endpoint)?;
        let mut running = JoinSet::new();
        while let Some(job) = self.waiting.recv().await {
            while running.len() >= limits::AUDITS_AT_ONCE {
                running.join_next().await;
            }
            let (gateway, client) = (gateway.clone(), client.clone());
            running.spawn(async move {
                let call = job.call.clone();
                if let Err(lost) = audit(&gateway, &client, job).await {
                    lost.count(&gateway, &call);
                }
            });
        }
        Ok(())
    }
}

async fn audit(gateway: &Arc<Gateway>, client: &teacher::Client, job: Job) -> Result<(), Lost> {
    let Job { call, version, prompt, student, teacher, served } = job;
    let teacher = match teacher {
        Some(summary) => summary,
        None => ask_teacher(gateway, client, &call).await?,
    };
    let student = match student {
        Some(tried) => tried,
        None => attempt(gateway, &call, &version, &prompt).await,
    };
    let bad_below = call.rules.policy.bad_below;
    let (outcome, label) = match student {
        Ok(attempt) => {
            let quality = call.rules.comparison.score(&attempt.answer.text, &teacher.text);
            let verified = attempt.verdict == Verdict::Pass;
            let outcome = AuditOutcome::Compared { quality, confidence: attempt.confidence, verified };
            (outcome, if verified && quality >= bad_below { "good" } else { "bad" })
        }
        Err(NoAnswer::Busy) => return Err(Lost::StudentBusy),
        Err(NoAnswer::Ineligible(_)) => return Err(Lost::Ineligible),
        // A student that gives no answer is no good; leaving the audit out would flatter it.
        Err(NoAnswer::Failed(_) | NoAnswer::TimedOut) => (AuditOutcome::NoAnswer, "no_answer"),
    };
    let record = Audit { request: call.id.to_string(), version, served, outcome };
    let (ledger, site) = (gateway.ledger.clone(), call.site.clone());
    // The record is synced to the disk: no work for a thread that serves others.
    let at_ms = (gateway.clock)();
    let recorded = tokio::task::spawn_blocking(move || ledger.record_audit(&site, at_ms, record)).await;
    match recorded {
        Ok(Ok(())) => {
            gateway.metrics.audits_total(call.site.as_str(), label).inc();
            Ok(())
        }
        Ok(Err(error)) => {
            tracing::error!(site = %call.site, %error, "an audit could not be recorded");
            Err(Lost::LogUnavailable)
        }
        Err(_) => Err(Lost::LogUnavailable),
    }
}

/// Puts the client's own bytes to the teacher and keeps the exchange like any other.
async fn ask_teacher(gateway: &Gateway, client: &teacher::Client, call: &Call) -> Result<CompletionSummary, Lost> {
    let body = Full::new(call.body.clone()).map_err(|never| match never {}).boxed_unsync();
    let asked = client.send(Method::POST, &call.path, call.query.as_deref(), call.headers.clone(), body).await;
    let answer = asked.map_err(|_| Lost::TeacherUnreachable)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), limits::CAPTURED_BYTES_MAX).collect().await;
    let bytes = body.map_err(|_| Lost::TeacherNotPlain)?.to_bytes();
    let summary = call.api.read(call.delivery.stream, &bytes);
    let body = CapturedBody { bytes, complete: true, client_left: false };
    // The student's own answer to this request is kept under the call's id already.
    record::teacher_answered(gateway, call, Uuid::now_v7(), status, &body, summary.as_ref());
    match summary.filter(CompletionSummary::is_trainable) {
        _ if status != StatusCode::OK => Err(Lost::TeacherError),
        Some(summary) => Ok(summary),
        None => Err(Lost::TeacherNotPlain),
    }
}
