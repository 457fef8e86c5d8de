//! The teacher's leg: the client's bytes up, the teacher's bytes down, with a copy for afterwards.

use std::sync::Arc;
use std::time::Instant;

use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use memchr::memmem;
use teacher::{AnswerBody, Outgoing};
use telemetry::Answered;
use wire::error::ApiError;

use crate::call::Call;
use crate::ending::Ending;
use crate::lost::Lost;
use crate::reason::Reason;
use crate::respond::{self, Body, Failure, RouteHeaders};
use crate::tee::{CapturedBody, Tee};
use crate::{Gateway, audit, encoding, meter, outages, record};

/// The teacher's answer as it begins, or why there is none.
pub(crate) struct Asked {
    answer: Result<Response<AnswerBody>, ApiError>,
    /// When it was asked.
    began: Instant,
    /// Whether in a student's place, which was asked before.
    by: Answered,
}

/// Puts the client's own bytes to the teacher.
pub(crate) async fn ask(gateway: &Gateway, client: &teacher::Client, call: &Call, by: Answered) -> Asked {
    let (site, metrics, began) = (call.label(), &gateway.metrics, Instant::now());
    metrics.proxy_overhead_seconds(site).observe(began.saturating_duration_since(call.began).as_secs_f64());
    let body = Outgoing::Whole(call.body.clone());
    let answer = client.send(&Method::POST, &call.path, call.query.as_deref(), &call.headers, body).await;
    match &answer {
        Ok(_) => {
            outages::over(gateway);
            metrics.time_to_first_byte_seconds(site).observe(call.began.elapsed().as_secs_f64());
        }
        Err(error) => {
            outages::count(gateway, error);
            meter::teacher_silent(gateway, call, began, error);
        }
    }
    Asked { answer, began, by }
}

/// Whether the teacher cannot do what is asked of it, whoever asks: it is not reached, it is broken, or its model is gone.
pub(crate) fn is_down(asked: &Asked) -> bool {
    match &asked.answer {
        Ok(answer) => {
            let status = answer.status();
            status.is_server_error() || [StatusCode::NOT_FOUND, StatusCode::GONE].contains(&status)
        }
        Err(error) => error.is_upstream(),
    }
}

/// What becomes of an audit whose teacher is down.
pub(crate) fn lost(asked: &Asked) -> Lost {
    if asked.answer.is_ok() { Lost::TeacherError } else { Lost::TeacherUnreachable }
}

/// Passes on what the teacher says.
pub(crate) fn respond(
    gateway: &Arc<Gateway>,
    call: &Arc<Call>,
    reason: &Reason,
    asked: Asked,
    audit: audit::Planned,
) -> Response<Body> {
    let (site, metrics, Asked { answer, began, by: answered }) = (call.label(), &gateway.metrics, asked);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            // An error of the proxy's own, which still says whose request it was.
            audit.lose(Lost::TeacherUnreachable);
            metrics.requests_total(site, "teacher", &error.status.to_string()).inc();
            let mut response = respond::error(&error);
            RouteHeaders::teacher(call, reason).write(response.headers_mut());
            return response;
        }
    };
    let (mut head, body) = answer.into_parts();
    head.headers = teacher::headers::end_to_end(head.headers);
    let coding = encoding::of(&head.headers);
    metrics.requests_total(site, "teacher", head.status.as_str()).inc();
    let (by, of, status) = (gateway.clone(), call.clone(), head.status);
    let ended = move |body: CapturedBody| {
        let body = body.decoded(&coding);
        let seconds = of.began.elapsed().as_secs_f64();
        by.metrics.request_duration_seconds(of.label(), "teacher").observe(seconds);
        record::answered(&by, &of, answered, seconds);
        // Reading is far dearer than passing on: nothing is read that nobody wants to know.
        let (stream, is_read) = (of.delivery.stream, body.complete && audit.is_wanted());
        let summary = is_read.then(|| of.api.read(stream, &body.bytes)).flatten();
        let spent = summary.as_ref().map(|summary| summary.spent.clone()).or_else(|| {
            let says_it = body.complete && says_usage(&of, &body.bytes);
            says_it.then(|| of.api.read_spent(stream, &body.bytes)).flatten()
        });
        meter::teacher_answered(&by, &of, began, (status, &body), spent.as_ref());
        record::teacher_answered(&by, &of, of.id, status, &body, spent.as_ref());
        audit.teacher_answered(status, &body, summary.as_ref());
    };
    let tee = Tee::new(body, Box::new(ended));
    let body = Ending::new(tee, gateway, &head.headers).map_err(Failure::from).boxed_unsync();
    RouteHeaders::teacher(call, reason).write(&mut head.headers);
    Response::from_parts(head, body)
}

/// Most streams carry no usage; looking for the word is far cheaper than reading every chunk.
fn says_usage(call: &Call, body: &[u8]) -> bool {
    !call.delivery.stream || memmem::find(body, call.api.usage_field().as_bytes()).is_some()
}
