//! What dashboards for generative models look for, by OpenTelemetry's names and bounds: durations, time to the first token, time per token,
//! tokens; and what went wrong with the teacher, in a vocabulary that does not grow.

use std::time::Instant;

use http::StatusCode;
use telemetry::OTHER;
use wire::error::ApiError;
use wire::{Spent, Usage};

use crate::Gateway;
use crate::call::Call;
use crate::span::{self, Ended};
use crate::tee::CapturedBody;

/// Who answers, by OpenTelemetry's `gen_ai.provider.name`.
const TEACHER: &str = "openai";
const STUDENT: &str = "apprentice";

/// What is wrong with an answer of this status, if anything is.
pub(crate) fn error_of_status(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        ..400 => None,
        401 | 403 => Some("refused_key"),
        408 | 504 => Some("timeout"),
        429 => Some("rate_limited"),
        503 | 529 => Some("overloaded"),
        400..500 => Some("bad_request"),
        500.. => Some("server_error"),
    }
}

/// The same of no answer.
fn error_of_none(error: &ApiError) -> Option<&'static str> {
    match error.code {
        _ if !error.is_upstream() => None,
        Some("teacher_unreachable") => Some("unreachable"),
        Some("teacher_timeout") => Some("timeout"),
        Some("teacher_broke_off") => Some("cut"),
        Some("teacher_unavailable") => Some("circuit_open"),
        _ => Some(OTHER),
    }
}

/// What ends a request that the teacher gave no answer to.
pub(crate) fn teacher_silent(gateway: &Gateway, call: &Call, asked: Instant, error: &ApiError) {
    let Some(error) = error_of_none(error) else { return };
    span::ended(gateway, call, Ended::by_teacher(TEACHER, Some(error), None));
    gateway.metrics.teacher_errors_total(call.label(), error).inc();
    let labels = Labels { provider: TEACHER, asked: gateway.metrics.model(&call.model), answered: "", error };
    let now = Instant::now();
    labels.durations(gateway, call, now, Some(asked));
}

/// What ends a request that the teacher has answered, well or not.
pub(crate) fn teacher_answered(
    gateway: &Gateway,
    call: &Call,
    asked: Instant,
    (status, body): (StatusCode, &CapturedBody),
    spent: Option<&Spent>,
) {
    let cut = !body.complete && !body.client_left && !body.too_large;
    let error = error_of_status(status).or_else(|| cut.then_some("cut"));
    if let Some(error) = error {
        gateway.metrics.teacher_errors_total(call.label(), error).inc();
    }
    let first = body.first.filter(|_| call.delivery.stream);
    span::ended(gateway, call, Ended { first, ..Ended::by_teacher(TEACHER, error, spent) });
    let metrics = &gateway.metrics;
    let answered = spent.map_or("", |spent| metrics.model(&spent.model));
    let model = metrics.model(&call.model);
    let labels = Labels { provider: TEACHER, asked: model, answered, error: error.unwrap_or_default() };
    let now = Instant::now();
    labels.durations(gateway, call, now, Some(asked));
    if error.is_some() {
        return;
    }
    let usage = spent.and_then(|spent| spent.usage);
    if let Some(usage) = usage {
        labels.tokens(gateway, usage);
    }
    if let Some(first) = first {
        let since = first.saturating_duration_since(call.began).as_secs_f64();
        metrics.gen_ai_server_time_to_first_token_seconds("chat", TEACHER, model, answered).observe(since);
        if let Some(after_first) = usage.and_then(|usage| usage.completion_tokens.checked_sub(1)).filter(|n| *n > 0) {
            let each = now.saturating_duration_since(first).as_secs_f64() / f64::from(after_first);
            metrics.gen_ai_server_time_per_output_token_seconds("chat", TEACHER, model, answered).observe(each);
        }
    }
}

/// What ends a request that a student has answered; its answer is made whole, so its first token comes with its last.
pub(crate) fn student_answered(gateway: &Gateway, call: &Call, version: &str, usage: Usage) {
    let metrics = &gateway.metrics;
    let model = format!("{}@{version}", call.site);
    let ended =
        Ended { route: "student", provider: STUDENT, answered: &model, error: "", usage: Some(usage), first: None };
    span::ended(gateway, call, ended);
    let labels =
        Labels { provider: STUDENT, asked: metrics.model(&call.model), answered: metrics.model(&model), error: "" };
    labels.durations(gateway, call, Instant::now(), None);
    labels.tokens(gateway, usage);
}

/// What all of these are told apart by.
struct Labels<'a> {
    provider: &'static str,
    /// The model that was asked for, and the one that answered.
    asked: &'a str,
    answered: &'a str,
    error: &'static str,
}

impl Labels<'_> {
    /// `asked` is when the teacher was.
    fn durations(&self, gateway: &Gateway, call: &Call, now: Instant, asked: Option<Instant>) {
        let (metrics, Self { provider, asked: model, answered, error }) = (&gateway.metrics, self);
        let whole = now.saturating_duration_since(call.began).as_secs_f64();
        metrics.gen_ai_server_request_duration_seconds("chat", provider, model, answered, error).observe(whole);
        if let Some(asked) = asked {
            let leg = now.saturating_duration_since(asked).as_secs_f64();
            metrics.gen_ai_client_operation_duration_seconds("chat", provider, model, answered, error).observe(leg);
        }
    }

    fn tokens(&self, gateway: &Gateway, usage: Usage) {
        let Self { provider, asked, answered, .. } = self;
        for (kind, tokens) in [("input", usage.prompt_tokens), ("output", usage.completion_tokens)] {
            let histogram = gateway.metrics.gen_ai_client_token_usage("chat", provider, asked, answered, kind);
            histogram.observe(f64::from(tokens));
        }
    }
}
