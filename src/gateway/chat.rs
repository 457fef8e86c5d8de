//! One chat request: whose call site, what plan, who answers.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use callsite::SiteId;
use handover::{Plan, Route};
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use uuid::Uuid;
use wire::Prompt;
use wire::chat::{ChatError, ChatRequest};
use wire::error::ApiError;

use crate::respond::{self, Body, Facts};
use crate::teacher::{self, Upstream};
use crate::{Gateway, after, audit, limits, local, now_ms};

/// What is known of a chat request from its arrival to its end.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) id: Uuid,
    pub(crate) at_ms: u64,
    pub(crate) began: Instant,
    pub(crate) facts: Facts,
    /// The client's bytes, as they came.
    pub(crate) body: Bytes,
    /// For the teacher.
    pub(crate) headers: HeaderMap,
    pub(crate) path_and_query: (String, Option<String>),
    /// The model that the client asked for.
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    /// The client repeats a request: no new evidence.
    pub(crate) retry: bool,
    /// The exchange may be kept.
    pub(crate) keep: bool,
}

/// What is to be done with a call.
struct Intent {
    plan: Plan,
    /// What a student is asked; absent when the request is the teacher's alone.
    prompt: Option<Prompt>,
}

/// Answers a chat request.
pub(crate) async fn chat(
    gateway: &Arc<Gateway>,
    upstream: &Upstream,
    path_site: Option<&str>,
    request: Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let began = Instant::now();
    let parsed = match ChatRequest::parse(&body) {
        Ok(parsed) => Some(parsed),
        Err(error @ ChatError::Json(_)) => return Err(ApiError::invalid("invalid_json", error.to_string())),
        // A field that we do not understand is the teacher's to judge.
        Err(ChatError::Field { .. }) => None,
    };
    let mut call = call(&parts, began, body.clone(), path_site, parsed.as_ref())?;
    let intent = intend(gateway, &mut call, parsed.as_ref());
    let mut attempt = None;
    if let (Route::Student { version, tau }, Some(prompt)) = (&intent.plan.route, &intent.prompt) {
        match local::answer(gateway, &call, version, *tau, prompt).await {
            local::Outcome::Served { response, attempt } => {
                audit::of_student(gateway, &call, &intent.plan, prompt, attempt);
                return Ok(response);
            }
            local::Outcome::Escalated { reason, attempt: tried } => {
                gateway.metrics.escalations.with_label_values(&[call.facts.site.as_str(), reason]).inc();
                reason.clone_into(&mut call.facts.reason);
                attempt = tried;
            }
        }
    }
    let audit = audit::Planned::new(&intent.plan, intent.prompt, attempt);
    Ok(ask_teacher(gateway, upstream, call, audit).await)
}

async fn read(body: Incoming) -> Result<Bytes, ApiError> {
    match Limited::new(body, limits::BODY_BYTES_MAX).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("the body is larger than {} bytes", limits::BODY_BYTES_MAX);
            Err(ApiError { status: 413, ..ApiError::invalid("body_too_large", message) })
        }
        Err(error) => Err(ApiError::invalid("body_unreadable", format!("the body could not be read: {error}"))),
    }
}

fn call(
    parts: &http::request::Parts,
    began: Instant,
    body: Bytes,
    path_site: Option<&str>,
    parsed: Option<&ChatRequest<'_>>,
) -> Result<Call, ApiError> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let metadata = parsed.map(|parsed| parsed.metadata.clone()).unwrap_or_default();
    let named = callsite::identify(path_site, text("x-apprentice-site"), &metadata);
    let (site, by) = named.map_err(|error| ApiError::invalid("bad_site", error.to_string()))?;
    let id = Uuid::now_v7();
    let mut headers = teacher::outgoing_headers(&parts.headers);
    // The copy must be readable; and nothing said is rewritten, so the teacher is asked for plain text.
    headers.remove(header::ACCEPT_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    let store = parsed.and_then(|parsed| parsed.store).unwrap_or(true);
    Ok(Call {
        id,
        at_ms: now_ms(),
        began,
        facts: Facts { request_id: id.to_string(), site, by, reason: String::new() },
        body,
        headers,
        path_and_query: (callsite::split_path(parts.uri.path()).1.to_owned(), parts.uri.query().map(str::to_owned)),
        model: parsed.map(|parsed| parsed.model.clone()).unwrap_or_default(),
        stream: parsed.is_some_and(|parsed| parsed.stream),
        include_usage: parsed.is_some_and(|parsed| parsed.include_usage),
        retry: text("x-stainless-retry-count").is_some_and(|count| count != "0"),
        keep: store && text("x-apprentice-capture") != Some("off"),
    })
}

/// Throws the dice and looks up the plan; a site past the cap is treated as `default`.
fn intend(gateway: &Gateway, call: &mut Call, parsed: Option<&ChatRequest<'_>>) -> Intent {
    let teacher_only = |call: &mut Call, reason: String| {
        call.facts.reason = reason;
        Intent { plan: Plan::teacher("teacher"), prompt: None }
    };
    if !call.facts.site.is_default() && !gateway.ledger.admits(call.facts.site.as_str()) {
        call.facts.site = SiteId::default_site();
        return teacher_only(call, "too-many-sites".into());
    }
    if call.facts.site.is_default() {
        return teacher_only(call, "default-site".into());
    }
    let Some(parsed) = parsed else { return teacher_only(call, "not-a-chat-request".into()) };
    let site = gateway.sites.site(call.facts.site.as_str());
    call.keep &= site.capture;
    let prompt = match parsed.prompt(site.max_tokens, site.sampling) {
        Ok(prompt) => prompt,
        Err(ineligible) => return teacher_only(call, ineligible.to_string()),
    };
    let mut plan = gateway.ledger.plan(call.facts.site.as_str(), (gateway.dice)());
    if call.retry {
        plan.audit = None;
    }
    plan.reason.clone_into(&mut call.facts.reason);
    Intent { plan, prompt: Some(prompt) }
}

/// The teacher's leg: the client's bytes up, the teacher's bytes down.
async fn ask_teacher(
    gateway: &Arc<Gateway>,
    upstream: &Upstream,
    call: Call,
    audit: Option<audit::Planned>,
) -> Response<Body> {
    let site = call.facts.site.clone();
    gateway.metrics.overhead_seconds.with_label_values(&[site.as_str()]).observe(call.began.elapsed().as_secs_f64());
    let (path, query) = &call.path_and_query;
    let body = Full::new(call.body.clone()).map_err(|never| match never {}).boxed_unsync();
    let asked = upstream.send(Method::POST, path, query.as_deref(), call.headers.clone(), body).await;
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => return no_answer(gateway, &call, &error),
    };
    gateway.metrics.first_byte_seconds.with_label_values(&[site.as_str()]).observe(call.began.elapsed().as_secs_f64());
    let (mut head, body) = answer.into_parts();
    head.headers = teacher::end_to_end(&head.headers);
    call.facts.write(&mut head.headers, "teacher", &call.model, None);
    gateway.metrics.requests.with_label_values(&[site.as_str(), "teacher", head.status.as_str()]).inc();
    let tee = after::watch(gateway, call, head.status, body, audit);
    Response::from_parts(head, tee.boxed_unsync())
}

/// The teacher gave no answer at all: an error of the proxy's own, which still says whose request it was.
fn no_answer(gateway: &Gateway, call: &Call, error: &ApiError) -> Response<Body> {
    let code = error.status.to_string();
    gateway.metrics.requests.with_label_values(&[call.facts.site.as_str(), "teacher", &code]).inc();
    let mut response = respond::error(error);
    call.facts.write(response.headers_mut(), "teacher", &call.model, None);
    response
}
