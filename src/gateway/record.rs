//! What is counted and kept of an answer. The client waits for none of it.

use callsite::{By, VersionId};
use capture::{Capture, Exchange, Source};
use http::StatusCode;
use telemetry::Answered;
use uuid::Uuid;
use wire::{Answer, Spent, Usage, UsageDetails};

use crate::Gateway;
use crate::call::Call;
use crate::meter;
use crate::tee::CapturedBody;

/// Counts a teacher's answer that has ended and keeps the exchange under `id`.
pub(crate) fn teacher_answered(
    gateway: &Gateway,
    call: &Call,
    id: Uuid,
    status: StatusCode,
    body: &CapturedBody,
    spent: Option<&Spent>,
) {
    if let Some(usage) = spent.and_then(|spent| spent.usage) {
        count_tokens(gateway, call, "teacher", usage);
        count_details(gateway, call, spent.map(|spent| spent.details).unwrap_or_default());
        // The client's own request has the call's id; what was asked for an audit has another.
        let is_traffic = id == call.id;
        spend(gateway, call, if is_traffic { "traffic" } else { "audit" }, usage);
        if is_traffic {
            spend_of_key(call, usage);
        }
    }
    if body.too_large {
        if let Some(capture) = capture_of(gateway, call) {
            capture.drop_one("too-large");
        }
        return;
    }
    keep(
        gateway,
        call,
        AnswerToKeep { id, source: Source::Teacher, status, complete: body.complete, response: &body.bytes },
    );
}

/// Counts a second answer of the teacher's, which is not kept: what is learnt from is what clients asked for.
pub(crate) fn teacher_asked_again(gateway: &Gateway, call: &Call, spent: Option<&Spent>) {
    gateway.metrics.teacher_asked_again_total(call.site.as_str(), "repeat").inc();
    if let Some(usage) = spent.and_then(|spent| spent.usage) {
        count_tokens(gateway, call, "teacher", usage);
        spend(gateway, call, "repeat", usage);
    }
}

/// Notes for who looks at the site's last hour that a client has its answer.
pub(crate) fn answered(gateway: &Gateway, call: &Call, by: Answered, seconds: f64) {
    // A client may ask for a model of any name and length.
    let told = (call.label(), call.by.label(), gateway.metrics.model(&call.model));
    gateway.metrics.traffic().note(told, by, seconds, (gateway.clock)());
}

/// Counts tokens against the key that the request came with, whoever answered.
fn spend_of_key(call: &Call, usage: Usage) {
    if let Some(key) = &call.key {
        key.spend(u64::from(usage.prompt_tokens) + u64::from(usage.completion_tokens), call.at_ms);
    }
}

/// Counts what the teacher charges for a call; nothing where its price is not known.
fn spend(gateway: &Gateway, call: &Call, purpose: &str, usage: Usage) {
    let paid = price(gateway, call, usage);
    gateway.metrics.teacher_spent_usd(call.label(), purpose).add(paid);
}

/// Dollars for the tokens of a call, at the price of the model that the client asked for.
fn price(gateway: &Gateway, call: &Call, usage: Usage) -> f64 {
    let Usage { prompt_tokens, completion_tokens } = usage;
    gateway.prices.of(&call.model, call.at_ms).map_or(0.0, |price| price.of(prompt_tokens, completion_tokens))
}

/// Counts and keeps a student's answer that is on its way.
pub(crate) fn student_answered(gateway: &Gateway, call: &Call, version: &VersionId, answer: &Answer, bytes: &[u8]) {
    let site = call.site.as_str();
    gateway.metrics.requests_total(site, "student", "200").inc();
    let seconds = call.began.elapsed().as_secs_f64();
    gateway.metrics.request_duration_seconds(site, "student").observe(seconds);
    answered(gateway, call, Answered::Student, seconds);
    count_tokens(gateway, call, "student", answer.usage);
    meter::student_answered(gateway, call, version.as_str(), answer.usage);
    spend_of_key(call, answer.usage);
    gateway.metrics.saved_usd(site).add(price(gateway, call, answer.usage));
    // What the site's requests took on average where the teacher answered them.
    let by_teacher = gateway.metrics.request_duration_seconds(site, "teacher");
    if by_teacher.get_sample_count() > 0 {
        #[expect(clippy::cast_precision_loss, reason = "requests stay far below 2^52")]
        let mean = by_teacher.get_sample_sum() / by_teacher.get_sample_count() as f64;
        gateway.metrics.saved_seconds(site).add(mean - seconds);
    }
    let source = Source::Student(version.clone());
    keep(gateway, call, AnswerToKeep { id: call.id, source, status: StatusCode::OK, complete: true, response: bytes });
}

/// What of an exchange its call does not say.
struct AnswerToKeep<'a> {
    id: Uuid,
    source: Source,
    status: StatusCode,
    complete: bool,
    response: &'a [u8],
}

/// Where the call's exchange may be kept.
fn capture_of<'a>(gateway: &'a Gateway, call: &Call) -> Option<&'a Capture> {
    gateway.capture.as_ref().filter(|_| call.capturable)
}

fn keep(gateway: &Gateway, call: &Call, kept: AnswerToKeep<'_>) {
    let Some(capture) = capture_of(gateway, call) else { return };
    // Without a place nothing is copied.
    let Some(place) = capture.place(call.text.len() + kept.response.len()) else { return };
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
    let (Some(request), Some(response)) = (text(&call.text), text(kept.response)) else {
        capture.drop_one("not-text");
        return;
    };
    let exchange = Exchange {
        id: kept.id,
        site: call.site.clone(),
        at_ms: call.at_ms,
        api: call.api,
        source: kept.source,
        status: kept.status.as_u16(),
        stream: call.delivery.stream,
        complete: kept.complete,
        retry: call.retry,
        distillable: gateway.distillable,
        // The log finds out who asked and what must not be stored.
        user: None,
        redacted: false,
        request,
        response,
    };
    if call.by == By::Default && gateway.callsites.finder.discovers() {
        gateway.early.hold(exchange.clone());
    }
    place.fill(exchange);
}

/// Drops whatever is held in memory of exchanges: something of them was erased, and nobody will miss the rest for long.
pub fn forget(gateway: &Gateway) {
    gateway.early.clear();
    gateway.continued.clear();
}

/// Puts what came before a call site was found into the exchange log, under its name. Call it when sites were found.
pub fn release_early(gateway: &Gateway) {
    let Some(capture) = gateway.capture.as_ref() else { return };
    let belongs = |exchange: &mut Exchange| {
        let request = exchange.api.parse(exchange.request.as_bytes()).ok();
        let site = request.and_then(|request| gateway.callsites.found(exchange.api, &request));
        site.map(|site| exchange.site = site).is_some()
    };
    for exchange in gateway.early.take(belongs) {
        if gateway.rules.of(&exchange.site).capture {
            capture.keep(exchange);
        }
    }
}

fn count_tokens(gateway: &Gateway, call: &Call, route: &str, usage: Usage) {
    let site = call.label();
    gateway.metrics.tokens_total(site, route, "input").inc_by(u64::from(usage.prompt_tokens));
    gateway.metrics.tokens_total(site, route, "output").inc_by(u64::from(usage.completion_tokens));
}

/// Parts of the tokens that the teacher tells apart; nothing where it does not.
fn count_details(gateway: &Gateway, call: &Call, details: UsageDetails) {
    for (kind, tokens) in [("cached_input", details.cached_input), ("reasoning", details.reasoning)] {
        if tokens > 0 {
            gateway.metrics.tokens_total(call.label(), "teacher", kind).inc_by(u64::from(tokens));
        }
    }
}
