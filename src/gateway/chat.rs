//! One chat request: whose call site, what plan, who answers. The composition of the data plane: every step of the
//! walk is called from here, in order, and none calls back.

use std::sync::Arc;
use std::time::Instant;

use handover::plan::{Because, Plan, Route};
use handover::{Candidate, Dice, Sticky};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use wire::chat::ChatRequest;
use wire::error::ApiError;
use wire::{Api, Prompt};

use crate::attempt::NoAnswer;
use crate::call::{Call, short_hash};
use crate::incoming::{self, Read};
use crate::pass::pass;
use crate::reason::Reason;
use crate::respond::{self, Body, RouteHeaders};
use crate::student_leg::{self, Decision};
use crate::tee::{CapturedBody, Tee};
use crate::{Gateway, audit, meter, outages, record};

/// What is to be done with a call.
struct PlannedCall {
    route: Route,
    reason: Reason,
    audit: Option<Arc<Candidate>>,
    /// The teacher is asked a second time afterwards.
    repeat: bool,
    /// What a student is asked; absent when the request is the teacher's alone.
    prompt: Option<Prompt>,
}

/// Answers a chat request.
pub(crate) async fn chat(
    gateway: &Arc<Gateway>,
    client: &teacher::Client,
    api: Api,
    request: Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    let (parts, body) = request.into_parts();
    let body = match incoming::read(body, gateway.body_bytes_max).await? {
        Read::Whole(body) => body,
        Read::Larger(body) => return pass(gateway, client, api.path(), parts, (body, &Reason::BodyTooLarge)).await,
    };
    let began = Instant::now();
    // What we do not understand is the teacher's to judge.
    let parsed = api.parse(&body).ok();
    let call = Arc::new(Call::new(gateway, &parts, (api, began), body.clone(), parsed.as_ref())?);
    let planned = plan(gateway, &call, parsed.as_ref());
    let mut audit = audit::Planned::new(gateway, &call, planned.prompt.as_ref(), planned.audit, planned.repeat);
    let mut reason = planned.reason;
    if let (Route::Student { candidate, confidence_threshold }, Some(prompt)) = (&planned.route, &planned.prompt) {
        audit.student_asked();
        match student_leg::decide(gateway, &call, (candidate, *confidence_threshold), prompt).await {
            Decision::Serve(attempt) => {
                count_route(gateway, &call, "student", &reason);
                let response = student_leg::respond(gateway, &call, &reason, &attempt);
                audit.served(attempt);
                return Ok(response);
            }
            Decision::Escalate { reason: why, tried } => {
                let (version, failed) = (&candidate.version, tried.as_ref().is_err_and(NoAnswer::is_failure));
                // An audit, made or lost, counts the failure itself.
                if !audit.escalated(version, tried) && failed {
                    gateway.ledger.student_failed(&call.site, version, (gateway.clock)());
                }
                reason = why;
            }
        }
    }
    count_route(gateway, &call, "teacher", &reason);
    Ok(ask_teacher(gateway, client, &call, &reason, audit).await)
}

/// Throws the dice and looks up the plan. Whether a student can be asked depends on the request alone, never on
/// the dice, so audits stay an unbiased sample of what students may answer.
fn plan(gateway: &Gateway, call: &Call, parsed: Option<&ChatRequest<'_>>) -> PlannedCall {
    let teacher_only = |reason| PlannedCall { route: Route::Teacher, reason, audit: None, repeat: false, prompt: None };
    if !call.admitted {
        return teacher_only(Reason::Plan(Because::TooManySites));
    }
    if call.site.is_default() {
        return teacher_only(Reason::DefaultSite);
    }
    let Some(parsed) = parsed else { return teacher_only(Reason::NotUnderstood) };
    let prompt = match parsed.prompt(call.rules.max_tokens, call.rules.sampling) {
        Ok(prompt) => prompt,
        Err(ineligible) => return teacher_only(Reason::Ineligible(ineligible)),
    };
    let dice = dice(gateway, call, &prompt);
    let Plan { route, audit, repeat, because } = gateway.ledger.plan(&call.site, dice);
    // A repeated request is no new evidence.
    let is_new = !call.retry && !call.repeated;
    let (audit, repeat) = (audit.filter(|_| is_new), repeat && is_new);
    if route == Route::Teacher && audit.is_none() && !repeat {
        return teacher_only(Reason::Plan(because));
    }
    match gateway.students.accepts(&prompt) {
        Ok(()) => PlannedCall { route, reason: Reason::Plan(because), audit, repeat, prompt: Some(prompt) },
        Err(ineligible) => teacher_only(Reason::Ineligible(ineligible)),
    }
}

/// The dice of one request. Where a site is sticky, its user or conversation is the die of the route: what belongs
/// together stays on one side of a canary, and moves over once as the share grows.
fn dice(gateway: &Gateway, call: &Call, prompt: &Prompt) -> Dice {
    let dice = (gateway.dice)();
    let key = match call.rules.policy.sticky {
        Sticky::None => None,
        Sticky::User => call.user,
        Sticky::Conversation => prompt.opening().map(|opening| short_hash(&opening)),
    };
    key.map_or(dice, |key| Dice { route: f64::from(key) / (f64::from(u32::MAX) + 1.0), ..dice })
}

fn count_route(gateway: &Gateway, call: &Call, route: &str, reason: &Reason) {
    gateway.metrics.routed_total(call.label(), route, reason.label()).inc();
}

/// Most streams carry no usage; looking for the word is far cheaper than reading every chunk.
fn says_usage(call: &Call, body: &[u8]) -> bool {
    !call.delivery.stream || std::str::from_utf8(body).is_ok_and(|text| text.contains("\"prompt_tokens\""))
}

/// The teacher's leg: the client's bytes up, the teacher's bytes down.
async fn ask_teacher(
    gateway: &Arc<Gateway>,
    client: &teacher::Client,
    call: &Arc<Call>,
    reason: &Reason,
    audit: audit::Planned,
) -> Response<Body> {
    let site = call.label();
    let metrics = &gateway.metrics;
    let began = Instant::now();
    metrics.proxy_overhead_seconds(site).observe(began.saturating_duration_since(call.began).as_secs_f64());
    let body = Full::new(call.body.clone()).map_err(|never| match never {}).boxed_unsync();
    let asked = client.send(Method::POST, &call.path, call.query.as_deref(), call.headers.clone(), body).await;
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => {
            // An error of the proxy's own, which still says whose request it was.
            audit.teacher_unreachable();
            outages::count(gateway, &error);
            meter::teacher_silent(gateway, call, began, &error);
            metrics.requests_total(site, "teacher", &error.status.to_string()).inc();
            let mut response = respond::error(&error);
            RouteHeaders::teacher(call, reason).write(response.headers_mut());
            return response;
        }
    };
    metrics.time_to_first_byte_seconds(site).observe(call.began.elapsed().as_secs_f64());
    let (mut head, body) = answer.into_parts();
    head.headers = teacher::headers::end_to_end(&head.headers);
    RouteHeaders::teacher(call, reason).write(&mut head.headers);
    metrics.requests_total(site, "teacher", head.status.as_str()).inc();
    let (gateway, call, status) = (gateway.clone(), call.clone(), head.status);
    let ended = move |body: CapturedBody| {
        let seconds = call.began.elapsed().as_secs_f64();
        gateway.metrics.request_duration_seconds(call.label(), "teacher").observe(seconds);
        let wanted = body.complete && (audit.is_wanted() || says_usage(&call, &body.bytes));
        let summary = if wanted { call.api.read(call.delivery.stream, &body.bytes) } else { None };
        meter::teacher_answered(&gateway, &call, began, (status, &body), summary.as_ref());
        record::teacher_answered(&gateway, &call, call.id, status, &body, summary.as_ref());
        audit.teacher_answered(status, &body, summary.as_ref());
    };
    Response::from_parts(head, Tee::new(body, Box::new(ended)).boxed_unsync())
}
