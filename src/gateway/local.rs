//! The student's leg: ask the student, hold its answer against its threshold and verifiers, then serve
//! it or say why the teacher must be asked. Nothing reaches the client before both have passed.

use std::ops::ControlFlow;
use std::sync::Arc;

use http::{Response, header, header::HeaderValue};
use wire::completion::{self, Envelope};
use wire::{Answer, ChatModel, Prompt};

use crate::chat::Call;
use crate::respond::{self, Body};
use crate::{Gateway, after, limits, now_ms};

/// What a student made of a request.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) answer: Answer,
    pub(crate) confidence: f64,
    /// The verifier that failed.
    pub(crate) refused: Option<&'static str>,
}

/// How the student's leg ended.
pub(crate) enum Outcome {
    Served { response: Response<Body>, attempt: Attempt },
    Escalated { reason: &'static str, attempt: Option<Attempt> },
}

/// Asks `version` and decides.
pub(crate) async fn answer(gateway: &Arc<Gateway>, call: &Call, version: &str, tau: f64, prompt: &Prompt) -> Outcome {
    let permit = tokio::time::timeout(limits::LOCAL_WAIT, gateway.local_permits.clone().acquire_owned()).await;
    let Ok(Ok(permit)) = permit else {
        return Outcome::Escalated { reason: "student-busy", attempt: None };
    };
    let attempt = attempt(gateway, call.facts.site.as_str(), version, prompt).await;
    drop(permit);
    let attempt = match attempt {
        Ok(attempt) => attempt,
        Err(problem) => {
            tracing::warn!(site = %call.facts.site, version, problem, "the student gave no answer");
            if let Err(error) = gateway.ledger.student_failed(call.facts.site.as_str(), now_ms()) {
                tracing::error!(%error, "a failure of the student could not be recorded");
            }
            return Outcome::Escalated { reason: "student-failed", attempt: None };
        }
    };
    if let Some(verifier) = attempt.refused {
        return Outcome::Escalated { reason: verifier, attempt: Some(attempt) };
    }
    if attempt.confidence < tau {
        return Outcome::Escalated { reason: "unsure", attempt: Some(attempt) };
    }
    Outcome::Served { response: respond(gateway, call, version, &attempt), attempt }
}

/// Runs the student on a blocking thread and verifies what it said.
pub(crate) async fn attempt(
    gateway: &Arc<Gateway>,
    site: &str,
    version: &str,
    prompt: &Prompt,
) -> Result<Attempt, String> {
    let (students, prompt) = (gateway.students.clone(), prompt.clone());
    let (name, version) = (site.to_owned(), version.to_owned());
    let work = move || {
        let model: Arc<dyn ChatModel> = students.open(&name, &version)?;
        model.answer(&prompt, &mut |_| ControlFlow::Continue(())).map_err(|error| error.to_string())
    };
    // A panic in there ends the attempt, not the request.
    let answer = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())??;
    let refused = gateway.sites.site(site).checks.failed(&answer);
    let confidence = verify::confidence::confidence(&answer.signals);
    Ok(Attempt { answer, confidence, refused })
}

fn respond(gateway: &Gateway, call: &Call, version: &str, attempt: &Attempt) -> Response<Body> {
    let id = format!("chatcmpl-{}", call.id.simple());
    let envelope = Envelope { id: &id, created_s: call.at_ms / 1000, model: &call.model };
    let (content_type, bytes) = if call.stream {
        ("text/event-stream", completion::write_stream(&envelope, &attempt.answer, call.include_usage))
    } else {
        ("application/json", completion::write_whole(&envelope, &attempt.answer))
    };
    after::student_answered(gateway, call, version, &attempt.answer, &bytes);
    let mut response = Response::new(respond::whole(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&call.facts.request_id) {
        headers.insert("x-request-id", id);
    }
    let model = format!("{}@{version}", call.facts.site);
    call.facts.write(headers, "student", &model, Some(attempt.confidence));
    response
}
