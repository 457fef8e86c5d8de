//! The student's leg: hold its answer against its threshold and verifiers, then serve it or say why the teacher
//! must be asked. Nothing reaches the client before both have passed.

use handover::Candidate;
use http::{Response, header, header::HeaderValue};
use verify::Verdict;
use wire::{Envelope, Prompt};

use crate::Gateway;
use crate::attempt::{Attempt, NoAnswer, attempt, count_failure};
use crate::call::Call;
use crate::reason::Reason;
use crate::record;
use crate::respond::{self, Body, RouteHeaders};

/// How the student's leg ended.
pub(crate) enum Decision {
    Serve(Attempt),
    Escalate { reason: Reason, tried: Result<Attempt, NoAnswer> },
}

/// Asks the candidate's version and decides.
pub(crate) async fn decide(
    gateway: &Gateway,
    call: &Call,
    (candidate, confidence_threshold): (&Candidate, f64),
    prompt: &Prompt,
) -> Decision {
    let tried = attempt(gateway, call, candidate, prompt).await;
    let reason = match &tried {
        Err(problem) => problem.reason(),
        Ok(Attempt { verdict: Verdict::Fail(verifier), .. }) => Reason::Refused(verifier),
        Ok(attempt) if attempt.confidence < confidence_threshold => Reason::Unsure,
        Ok(attempt) => return Decision::Serve(attempt.clone()),
    };
    gateway.metrics.escalations_total(call.site.as_str(), reason.label()).inc();
    Decision::Escalate { reason, tried }
}

/// What the candidate's version answers while the teacher cannot: sure or not, as long as its verifiers pass. `tried` is what it
/// answered to this request already.
pub(crate) async fn stand_in(
    gateway: &Gateway,
    call: &Call,
    candidate: &Candidate,
    prompt: &Prompt,
    tried: Option<Result<Attempt, NoAnswer>>,
) -> Option<Attempt> {
    let tried = match tried {
        Some(tried) => tried,
        None => {
            let tried = attempt(gateway, call, candidate, prompt).await;
            count_failure(gateway, call, &candidate.version, &tried);
            tried
        }
    };
    tried.ok().filter(|attempt| attempt.verdict == Verdict::Pass)
}

/// The answer in the shape that the client asked for.
pub(crate) fn respond(gateway: &Gateway, call: &Call, reason: &Reason, attempt: &Attempt) -> Response<Body> {
    let id = call.id.simple().to_string();
    let envelope = Envelope { id: &id, created_s: call.at_ms / 1000, model: &call.model, asked: &call.body };
    let (content_type, bytes) = call.api.write(call.delivery, &envelope, &attempt.answer);
    gateway.continued.remember(call, &attempt.answer);
    record::student_answered(gateway, call, &attempt.version, &attempt.answer, &bytes);
    let mut response = Response::new(respond::whole(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&call.id.to_string()) {
        headers.insert("x-request-id", id);
    }
    let model = format!("{}@{}", call.site, attempt.version);
    let confidence = Some(attempt.confidence);
    let facts = RouteHeaders { route: "student", model: &model, confidence, ..RouteHeaders::teacher(call, reason) };
    facts.write(headers);
    response
}
