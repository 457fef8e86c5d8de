//! What a request was, as tracing wants to know it: one span of OpenTelemetry's GenAI conventions for each answer. Who exports it, and
//! where to, is the program's business; nothing here waits for it.

use std::time::{Duration, Instant};

use uuid::Uuid;
use wire::{Spent, Usage};

use crate::Gateway;
use crate::call::Call;

/// One request of a known API, from its last byte to the end of its answer.
#[derive(Clone, Debug)]
pub struct Span {
    /// As in `x-apprentice-request-id`.
    pub id: Uuid,
    pub site: String,
    /// `teacher` or `student`.
    pub route: &'static str,
    /// By OpenTelemetry's `gen_ai.provider.name`.
    pub provider: &'static str,
    /// The model that was asked for, and the one that answered where it said so.
    pub asked: String,
    pub answered: String,
    /// What went wrong with the teacher; empty where nothing did.
    pub error: &'static str,
    pub usage: Option<Usage>,
    /// Unix time.
    pub began_ms: u64,
    pub took: Duration,
    /// Of a stream: until its first bytes.
    pub first: Option<Duration>,
    /// W3C trace context, as the client sent it; it went on to the teacher untouched.
    pub traceparent: Option<String>,
    pub tracestate: Option<String>,
}

/// Takes spans. Must not wait: it is called while requests are served.
pub trait Spans: Send + Sync {
    fn ended(&self, span: Span);
}

/// How an answer ended.
pub(crate) struct Ended<'a> {
    pub(crate) route: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) answered: &'a str,
    pub(crate) error: &'static str,
    pub(crate) usage: Option<Usage>,
    pub(crate) first: Option<Instant>,
}

impl<'a> Ended<'a> {
    /// Of the teacher's leg.
    pub(crate) fn by_teacher(provider: &'static str, error: Option<&'static str>, spent: Option<&'a Spent>) -> Self {
        let answered = spent.map_or("", |spent| spent.model.as_str());
        let usage = spent.and_then(|spent| spent.usage);
        Self { route: "teacher", provider, answered, error: error.unwrap_or_default(), usage, first: None }
    }
}

/// Hands the span of `call` to whoever exports it.
pub(crate) fn ended(gateway: &Gateway, call: &Call, ended: Ended<'_>) {
    let Some(spans) = &gateway.spans else { return };
    let said = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Ended { route, provider, answered, error, usage, first } = ended;
    spans.ended(Span {
        id: call.id,
        site: call.label().to_owned(),
        route,
        provider,
        asked: call.model.clone(),
        answered: answered.to_owned(),
        error,
        usage,
        began_ms: call.at_ms,
        took: call.began.elapsed(),
        first: first.map(|first| first.saturating_duration_since(call.began)),
        traceparent: said("traceparent"),
        tracestate: said("tracestate"),
    });
}
