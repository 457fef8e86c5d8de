//! Audits: the same request answered by both and compared. Runs beside the traffic, never in it.
//!
//! Which requests are audited was decided by dice before anything about the answers was known. An audit that
//! comes to nothing is counted by its [`Lost`] cause. A client that leaves while the student works may have left
//! because of the student, so that audit is made all the same, without the client. The work itself is in `audits`.

use std::sync::Arc;
use std::time::Instant;

use callsite::{SiteId, VersionId};
use handover::{Audit, Candidate};
use http::StatusCode;
use tokio::sync::mpsc;
use wire::{CompletionSummary, Prompt};

use crate::attempt::{Attempt, NoAnswer, count_failure};
use crate::call::Call;
use crate::lost::Lost;
use crate::order::{Order, Ticket};
use crate::tee::CapturedBody;
use crate::{Gateway, limits};

/// What the version under audit made of the prompt, when it was asked already.
pub(crate) type Tried = Option<Result<Attempt, NoAnswer>>;

/// What the teacher said.
#[derive(Clone, Debug)]
pub(crate) enum Taught {
    Answer(CompletionSummary),
    /// It will not answer this: a student that does is wrong.
    Refusal,
}

impl Taught {
    /// What it said; nothing where it refused.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Answer(summary) => &summary.text,
            Self::Refusal => "",
        }
    }

    /// From an answer that was read whole.
    ///
    /// # Errors
    /// Why it says nothing about the student.
    pub(crate) fn of(status: StatusCode, summary: Option<CompletionSummary>) -> Result<Self, Lost> {
        // What a content filter answers, and what is malformed in the teacher's eyes.
        let refused = [StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN, StatusCode::UNPROCESSABLE_ENTITY];
        match summary {
            _ if refused.contains(&status) => Ok(Self::Refusal),
            _ if status != StatusCode::OK => Err(Lost::TeacherError),
            Some(summary) if summary.is_refusal() => Ok(Self::Refusal),
            Some(summary) if summary.is_trainable() => Ok(Self::Answer(summary)),
            _ => Err(Lost::TeacherNotPlain),
        }
    }
}

/// An audit that is complete, and the label it is counted under.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) audit: Audit,
    pub(crate) label: &'static str,
}

/// An audit that waits for what is missing of it.
pub(crate) struct Job {
    pub(crate) call: Arc<Call>,
    pub(crate) candidate: Arc<Candidate>,
    pub(crate) prompt: Prompt,
    pub(crate) student: Tried,
    pub(crate) teacher: Option<Taught>,
    pub(crate) served: bool,
    pub(crate) place: Ticket<Finished>,
}

impl Job {
    fn version(&self) -> &VersionId {
        &self.candidate.version
    }

    /// Nothing comes of the audit. A failure that it would have recorded counts all the same: with the teacher
    /// down every audit is lost, and then a student that works is needed most.
    fn lose(self, gateway: &Gateway, lost: Lost) {
        if let Some(tried) = &self.student {
            count_failure(gateway, &self.call, self.version(), tried);
        }
        count(gateway, &self.call.site, lost);
    }
}

/// Counts an audit that came to nothing.
pub(crate) fn count(gateway: &Gateway, site: &SiteId, lost: Lost) {
    gateway.metrics.audits_lost_total(site.as_str(), lost.label()).inc();
}

/// A request whose teacher is asked a second time.
pub(crate) struct Repetition {
    pub(crate) call: Arc<Call>,
    pub(crate) prompt: Prompt,
    pub(crate) teacher: CompletionSummary,
}

/// What is done beside the traffic.
pub(crate) enum Task {
    Audit(Box<Job>),
    Repeat(Box<Repetition>),
}

/// Takes audits; full means lost.
#[derive(Clone)]
pub struct Auditor {
    queue: mpsc::Sender<Task>,
    order: Arc<Order<Finished>>,
}

/// The audits that wait, and those that are complete.
pub struct Audits {
    pub(crate) waiting: mpsc::Receiver<Task>,
    pub(crate) finished: mpsc::UnboundedReceiver<(SiteId, Finished)>,
    pub(crate) order: Arc<Order<Finished>>,
}

impl Auditor {
    #[must_use]
    pub fn channel() -> (Self, Audits) {
        let (queue, waiting) = mpsc::channel(limits::AUDITS_MAX);
        let (order, finished) = Order::new(limits::AUDIT_PLACES_MAX);
        (Self { queue, order: order.clone() }, Audits { waiting, finished, order })
    }

    fn enqueue(&self, gateway: &Gateway, job: Job) {
        let sent = self.queue.try_send(Task::Audit(Box::new(job)));
        if let Err(mpsc::error::TrySendError::Full(task) | mpsc::error::TrySendError::Closed(task)) = sent
            && let Task::Audit(job) = task
        {
            job.lose(gateway, Lost::QueueFull);
        }
    }
}

/// What was planned to be done with a request beside answering it. Dropped with it when the client leaves.
pub(crate) struct Planned {
    gateway: Arc<Gateway>,
    job: Option<Job>,
    repeat: Option<(Arc<Call>, Prompt)>,
    student_asked: bool,
}

impl Planned {
    pub(crate) fn new(
        gateway: &Arc<Gateway>,
        call: &Arc<Call>,
        prompt: Option<&Prompt>,
        audit: Option<Arc<Candidate>>,
        repeat: bool,
    ) -> Self {
        let job = prompt.zip(audit).and_then(|(prompt, candidate)| {
            let place = gateway.auditor.order.enter(&call.site, Instant::now());
            if place.is_none() {
                count(gateway, &call.site, Lost::QueueFull);
            }
            let (call, prompt) = (call.clone(), prompt.clone());
            place.map(|place| Job { call, candidate, prompt, student: None, teacher: None, served: false, place })
        });
        let repeat = prompt.filter(|_| repeat).map(|prompt| (call.clone(), prompt.clone()));
        Self { gateway: gateway.clone(), job, repeat, student_asked: false }
    }

    /// Whether the teacher's answer must be read.
    pub(crate) fn is_wanted(&self) -> bool {
        self.job.is_some() || self.repeat.is_some()
    }

    /// From now on a client that leaves may leave because of the student.
    pub(crate) fn student_asked(&mut self) {
        self.student_asked = true;
    }

    /// The client gets the student's answer.
    pub(crate) fn served(mut self, attempt: Attempt) {
        let Some(mut job) = self.job.take() else { return };
        // Beside a canary the version that is audited need not be the one that served.
        if *job.version() == attempt.version {
            (job.served, job.student) = (true, Some(Ok(attempt)));
        }
        self.gateway.auditor.enqueue(&self.gateway, job);
    }

    /// The teacher is asked instead, after the student `tried`. The audit takes what came of it, failures included: made or lost it
    /// counts them; given back is what it has no use for.
    pub(crate) fn escalated(
        &mut self,
        version: &VersionId,
        tried: Result<Attempt, NoAnswer>,
    ) -> Option<Result<Attempt, NoAnswer>> {
        self.student_asked = false;
        let job = self.job.as_mut().filter(|job| job.version() == version);
        // A busy student may be free when the audit's turn comes.
        match job.filter(|_| !matches!(tried, Err(NoAnswer::Busy))) {
            Some(job) => {
                job.student = Some(tried);
                None
            }
            None => Some(tried),
        }
    }

    /// The teacher's answer has ended.
    pub(crate) fn teacher_answered(
        mut self,
        status: StatusCode,
        body: &CapturedBody,
        summary: Option<&CompletionSummary>,
    ) {
        let taught = if body.complete {
            Taught::of(status, summary.cloned())
        } else if status == StatusCode::OK && body.client_left {
            Err(Lost::ClientLeft)
        } else {
            Err(if status == StatusCode::OK { Lost::TeacherNotPlain } else { Lost::TeacherError })
        };
        if let (Some((call, prompt)), Ok(Taught::Answer(teacher))) = (self.repeat.take(), &taught) {
            let task = Task::Repeat(Box::new(Repetition { call, prompt, teacher: teacher.clone() }));
            // Full: another request will do as well.
            self.gateway.auditor.queue.try_send(task).ok();
        }
        let Some(job) = self.job.take() else { return };
        match taught {
            Ok(taught) => self.gateway.auditor.enqueue(&self.gateway, Job { teacher: Some(taught), ..job }),
            Err(lost) => job.lose(&self.gateway, lost),
        }
    }

    /// The teacher gave no answer that it could be held against.
    pub(crate) fn lose(mut self, lost: Lost) {
        if let Some(job) = self.job.take() {
            job.lose(&self.gateway, lost);
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
