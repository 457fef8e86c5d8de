//! What follows an answer: it is counted, kept and, if so planned, audited. The client waits for none of it.

use std::sync::Arc;

use capture::{Exchange, Source};
use http::StatusCode;
use hyper::body::Incoming;
use wire::{Answer, completion};

use crate::chat::Call;
use crate::tee::{Kept, Tee};
use crate::{Gateway, audit};

/// Wraps the teacher's body so that its end is noticed.
pub(crate) fn watch(
    gateway: &Arc<Gateway>,
    call: Call,
    status: StatusCode,
    body: Incoming,
    audit: Option<audit::Planned>,
) -> Tee {
    let gateway = gateway.clone();
    Tee::new(body, Box::new(move |kept| teacher_answered(&gateway, call, status, kept, audit)))
}

fn teacher_answered(gateway: &Arc<Gateway>, call: Call, status: StatusCode, kept: Kept, audit: Option<audit::Planned>) {
    let site = call.facts.site.as_str();
    let seconds = call.began.elapsed().as_secs_f64();
    gateway.metrics.request_seconds.with_label_values(&[site, "teacher"]).observe(seconds);
    if let Some(planned) = audit.filter(|_| kept.complete && status == StatusCode::OK) {
        planned.heard(gateway, &call, &kept);
    }
    keep_teacher(gateway, &call, status, kept);
}

/// Keeps what the teacher said, whoever asked for it.
pub(crate) fn keep_teacher(gateway: &Gateway, call: &Call, status: StatusCode, kept: Kept) {
    let site = call.facts.site.as_str();
    let text = String::from_utf8(kept.bytes.to_vec());
    if let Some(usage) = text.as_ref().ok().and_then(|text| quick_usage(text, call.stream)) {
        count_tokens(gateway, site, "teacher", usage);
    }
    let complete = kept.complete;
    keep(gateway, call, Source::Teacher, status.as_u16(), complete, text.ok());
}

/// Counts and keeps a student's answer.
pub(crate) fn student_answered(gateway: &Gateway, call: &Call, version: &str, answer: &Answer, bytes: &[u8]) {
    let site = call.facts.site.as_str();
    gateway.metrics.requests.with_label_values(&[site, "student", "200"]).inc();
    let seconds = call.began.elapsed().as_secs_f64();
    gateway.metrics.request_seconds.with_label_values(&[site, "student"]).observe(seconds);
    count_tokens(gateway, site, "student", answer.usage);
    let text = String::from_utf8(bytes.to_vec()).ok();
    keep(gateway, call, Source::Student(version.to_owned()), 200, true, text);
}

fn keep(gateway: &Gateway, call: &Call, source: Source, status: u16, complete: bool, response: Option<String>) {
    let Some(capture) = gateway.capture.as_ref().filter(|_| call.keep) else { return };
    let request = String::from_utf8(call.body.to_vec()).ok();
    let (Some(request), Some(response)) = (request, response) else {
        capture.drop_one("not-text");
        return;
    };
    capture.keep(Exchange {
        id: call.id,
        site: call.facts.site.clone(),
        at_ms: call.at_ms,
        source,
        status,
        stream: call.stream,
        complete,
        retry: call.retry,
        distillable: gateway.teacher.distillable,
        request,
        response,
    });
}

fn quick_usage(text: &str, stream: bool) -> Option<wire::Usage> {
    // Most streams carry no usage; looking for the word is far cheaper than reading every chunk.
    if stream && !text.contains("\"prompt_tokens\"") {
        return None;
    }
    let read = if stream { completion::read_stream } else { completion::read_whole };
    read(text.as_bytes())?.usage
}

fn count_tokens(gateway: &Gateway, site: &str, route: &str, usage: wire::Usage) {
    let tokens = &gateway.metrics.tokens;
    tokens.with_label_values(&[site, route, "input"]).inc_by(u64::from(usage.prompt_tokens));
    tokens.with_label_values(&[site, route, "output"]).inc_by(u64::from(usage.completion_tokens));
}
