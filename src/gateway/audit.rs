//! Audits: the same request answered by both and compared. Runs beside the traffic, never in it.
//!
//! Which requests are audited was decided by dice before anything about the answers was known. An audit
//! that is lost (queue full, teacher unreachable) is counted and changes nothing: none of those causes
//! depends on the student's quality.

use std::sync::Arc;

use handover::{Audit, Plan};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::Prompt;
use wire::completion::{self, Said};

use crate::chat::Call;
use crate::local::{self, Attempt};
use crate::teacher::Upstream;
use crate::tee::Kept;
use crate::{Gateway, GatewayError, after, limits, now_ms};

/// Audits that are worked on at the same time.
const AT_ONCE: usize = 4;

/// An audit that waits for its missing half.
pub(crate) struct Job {
    call: Call,
    version: String,
    prompt: Prompt,
    student: Option<Attempt>,
    teacher: Option<Said>,
    served: bool,
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

    fn take(&self, gateway: &Gateway, job: Job) {
        let site = job.call.facts.site.clone();
        if self.queue.try_send(job).is_err() {
            lost(gateway, site.as_str());
        }
    }
}

impl Audits {
    /// Works until every [`Auditor`] is gone.
    ///
    /// # Errors
    /// When no way to the teacher can be set up.
    pub async fn work(mut self, gateway: Arc<Gateway>) -> Result<(), GatewayError> {
        let upstream = Upstream::new(&gateway.teacher)?;
        let mut running = JoinSet::new();
        while let Some(job) = self.waiting.recv().await {
            while running.len() >= AT_ONCE {
                running.join_next().await;
            }
            running.spawn(audit(gateway.clone(), upstream.clone(), job));
        }
        Ok(())
    }
}

/// An audit of a request that the teacher answers.
pub(crate) struct Planned {
    version: String,
    prompt: Prompt,
    student: Option<Attempt>,
}

impl Planned {
    pub(crate) fn new(plan: &Plan, prompt: Option<Prompt>, student: Option<Attempt>) -> Option<Self> {
        let version = plan.audit.clone()?;
        Some(Self { version, prompt: prompt?, student })
    }

    /// The teacher's whole answer is there.
    pub(crate) fn heard(self, gateway: &Gateway, call: &Call, kept: &Kept) {
        let Self { version, prompt, student } = self;
        let Some(said) = read(call, kept) else {
            lost(gateway, call.facts.site.as_str());
            return;
        };
        let job = Job { call: call.clone(), version, prompt, student, teacher: Some(said), served: false };
        gateway.auditor.take(gateway, job);
    }
}

/// An audit of a request that the student has just answered.
pub(crate) fn of_student(gateway: &Gateway, call: &Call, plan: &Plan, prompt: &Prompt, attempt: Attempt) {
    if let Some(version) = plan.audit.clone() {
        let (call, prompt) = (call.clone(), prompt.clone());
        gateway
            .auditor
            .take(gateway, Job { call, version, prompt, student: Some(attempt), teacher: None, served: true });
    }
}

async fn audit(gateway: Arc<Gateway>, upstream: Upstream, job: Job) {
    let site = job.call.facts.site.clone();
    let teacher = match job.teacher {
        Some(said) => Some(said),
        None => ask(&gateway, &upstream, &job.call).await,
    };
    let Some(teacher) = teacher.filter(Said::is_lesson) else {
        lost(&gateway, site.as_str());
        return;
    };
    let student = match job.student {
        Some(attempt) => Ok(attempt),
        None => local::attempt(&gateway, site.as_str(), &job.version, &job.prompt).await,
    };
    let rules = gateway.sites.site(site.as_str());
    let (quality, confidence, verified) = match &student {
        Ok(attempt) => {
            let quality = rules.comparison.score(&attempt.answer.text, &teacher.text);
            (quality, attempt.confidence, attempt.refused.is_none())
        }
        // A student that gives no answer is no good; leaving the audit out would flatter it.
        Err(_) => (0.0, 0.0, false),
    };
    let request = job.call.id.to_string();
    let record = Audit { request, version: job.version, quality, confidence, verified, served: job.served };
    let outcome = if quality >= 0.5 { "good" } else { "bad" };
    match gateway.ledger.audit(site.as_str(), now_ms(), record) {
        Ok(()) => gateway.metrics.audits.with_label_values(&[site.as_str(), outcome]).inc(),
        Err(error) => {
            tracing::error!(%site, %error, "an audit could not be recorded");
            lost(&gateway, site.as_str());
        }
    }
}

/// Puts the client's own bytes to the teacher and keeps the exchange like any other.
async fn ask(gateway: &Arc<Gateway>, upstream: &Upstream, call: &Call) -> Option<Said> {
    let (path, query) = &call.path_and_query;
    let body = Full::new(call.body.clone()).map_err(|never| match never {}).boxed_unsync();
    let answer = upstream.send(Method::POST, path, query.as_deref(), call.headers.clone(), body).await.ok()?;
    let status = answer.status();
    let body = http_body_util::Limited::new(answer.into_body(), limits::KEPT_BYTES_MAX);
    let kept = Kept { bytes: body.collect().await.ok()?.to_bytes(), complete: true };
    let said = (status == StatusCode::OK).then(|| read(call, &kept)).flatten();
    // The student's own answer to this request is kept under the call's id already.
    let again = Call { id: uuid::Uuid::now_v7(), ..call.clone() };
    after::keep_teacher(gateway, &again, status, kept);
    said
}

fn read(call: &Call, kept: &Kept) -> Option<Said> {
    let read = if call.stream { completion::read_stream } else { completion::read_whole };
    read(&kept.bytes)
}

fn lost(gateway: &Gateway, site: &str) {
    gateway.metrics.audits.with_label_values(&[site, "lost"]).inc();
}
