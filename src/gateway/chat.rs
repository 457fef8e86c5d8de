//! One chat request: whose call site, what plan, who answers. The composition of the data plane: every step of the
//! walk is called from here, in order, and none calls back.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use handover::plan::{Because, Plan, Route};
use handover::{Candidate, Dice, Sticky};
use http::{HeaderMap, Request, Response, header};
use hyper::body::Incoming;
use telemetry::Answered;
use wire::error::ApiError;
use wire::{Api, Prompt};

use crate::attempt::count_failure;
use crate::call::{Call, short_hash};
use crate::incoming::{self, Read};
use crate::pass::pass;
use crate::reason::Reason;
use crate::respond::Body;
use crate::student_leg::{self, Decision};
use crate::{Gateway, audit, encoding, teacher_leg};

/// What is to be done with a call.
struct PlannedCall {
    route: Route,
    reason: Reason,
    audit: Option<Arc<Candidate>>,
    /// The teacher is asked a second time afterwards.
    repeat: bool,
    /// Who answers if the teacher cannot.
    stand_in: Option<Arc<Candidate>>,
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
    let (mut parts, body) = request.into_parts();
    let body = match incoming::read(body, gateway.body_bytes_max).await? {
        Read::Whole(body) => body,
        Read::Larger(body) => return pass(gateway, client, api.path(), parts, (body, &Reason::BodyTooLarge)).await,
    };
    let began = Instant::now();
    // What we do not understand is the teacher's to judge.
    let (body, text) = unpacked(gateway, api, &mut parts.headers, body);
    let parsed = text.as_ref().and_then(|text| api.parse(text).ok());
    let call = Arc::new(Call::new(gateway, parts, (api, began), (body, text.clone()), parsed.as_ref())?);
    let planned = plan(gateway, &call, parsed.as_ref());
    let mut audit = audit::Planned::new(gateway, &call, planned.prompt.as_ref(), planned.audit, planned.repeat);
    let (mut reason, mut tried_before) = (planned.reason, None);
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
                tried_before = planned.stand_in.as_ref().map(|_| tried.clone());
                // An audit, made or lost, counts a failure itself.
                if let Some(tried) = audit.escalated(&candidate.version, tried) {
                    count_failure(gateway, &call, &candidate.version, &tried);
                }
                reason = why;
            }
        }
    }
    let by = if matches!(planned.route, Route::Student { .. }) { Answered::Escalated } else { Answered::Teacher };
    let asked = teacher_leg::ask(gateway, client, &call, by).await;
    if let (Some(candidate), Some(prompt)) = (&planned.stand_in, &planned.prompt)
        && teacher_leg::is_down(&asked)
        && let Some(attempt) = student_leg::stand_in(gateway, &call, candidate, prompt, tried_before).await
    {
        audit.lose(teacher_leg::lost(&asked));
        count_route(gateway, &call, "student", &Reason::TeacherDown);
        return Ok(student_leg::respond(gateway, &call, &Reason::TeacherDown, &attempt));
    }
    count_route(gateway, &call, "teacher", &reason);
    Ok(teacher_leg::respond(gateway, &call, &reason, asked, audit))
}

/// What the teacher is sent, and what that says, where it can be unpacked. One that continues a student's response is sent with what was
/// said before.
fn unpacked(gateway: &Gateway, api: Api, headers: &mut HeaderMap, body: Bytes) -> (Bytes, Option<Bytes>) {
    let text = encoding::of(headers).decode(&body, gateway.body_bytes_max);
    match text.as_ref().and_then(|text| gateway.continued.alone(api, headers, text)) {
        Some(alone) => {
            headers.remove(header::CONTENT_ENCODING);
            (alone.clone(), Some(alone))
        }
        None => (body, text),
    }
}

/// Throws the dice and looks up the plan. Whether a student can be asked depends on the request alone, never on
/// the dice, so audits stay an unbiased sample of what students may answer.
fn plan(gateway: &Gateway, call: &Call, parsed: Option<&wire::Request<'_>>) -> PlannedCall {
    let teacher_only = |reason| PlannedCall {
        route: Route::Teacher,
        reason,
        audit: None,
        repeat: false,
        stand_in: None,
        prompt: None,
    };
    if !call.admitted {
        return teacher_only(Reason::Plan(Because::TooManySites));
    }
    if call.site.is_default() {
        return teacher_only(Reason::DefaultSite);
    }
    let Some(parsed) = parsed else { return teacher_only(Reason::NotUnderstood) };
    let allowed = gateway.parameters.allow(&call.model, parsed);
    let prompt = match allowed.and_then(|()| parsed.prompt(call.rules.max_tokens, call.rules.sampling)) {
        Ok(prompt) => prompt,
        Err(ineligible) => return teacher_only(Reason::Ineligible(ineligible)),
    };
    let dice = dice(gateway, call, &prompt);
    let Plan { route, audit, repeat, proven, because } = gateway.ledger.plan(&call.site, dice);
    // A repeated request is no new evidence.
    let is_new = !call.retry && !call.repeated;
    let (audit, repeat) = (audit.filter(|_| is_new), repeat && is_new);
    let stand_in = proven.filter(|_| gateway.offline_fallback);
    if route == Route::Teacher && audit.is_none() && !repeat && stand_in.is_none() {
        return teacher_only(Reason::Plan(because));
    }
    match gateway.students.accepts(&prompt) {
        Ok(()) => PlannedCall { route, reason: Reason::Plan(because), audit, repeat, stand_in, prompt: Some(prompt) },
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
