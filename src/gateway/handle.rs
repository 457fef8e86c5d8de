//! Which way a request goes: the chat route, passed through untouched, or an error.

use std::sync::Arc;

use callsite::split_path;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use wire::error::ApiError;

use crate::in_flight::{Counted, InFlight};
use crate::respond::{self, Body, Facts};
use crate::teacher::{self, Upstream};
use crate::{Gateway, chat, now_ms};

/// Answers one request; never fails, because every failure is an answer too.
pub(crate) async fn handle(gateway: Arc<Gateway>, upstream: Upstream, request: Request<Incoming>) -> Response<Counted> {
    gateway.activity.begin(now_ms() / 1000);
    let in_flight = InFlight::begin(&gateway.metrics);
    let (site, path) = split_path(request.uri().path());
    let (site, path) = (site.map(str::to_owned), path.to_owned());
    let response = match (request.method(), path.as_str()) {
        (&Method::POST, "/v1/chat/completions") => chat::chat(&gateway, &upstream, site.as_deref(), request).await,
        (_, path) if path.starts_with("/v1/") => pass(&gateway, &upstream, path, request).await,
        _ => Err(ApiError {
            status: 404,
            ..ApiError::invalid(
                "unknown_path",
                format!("`{path}` is not served here: paths are /v1/... and /s/SITE/v1/..."),
            )
        }),
    };
    let response = response.unwrap_or_else(|error| {
        let code = error.status.to_string();
        gateway.metrics.requests.with_label_values(&["default", "proxy", &code]).inc();
        respond::error(&error)
    });
    response.map(|body| in_flight.until_end_of(body))
}

/// Every other `/v1/...`: streamed through in both directions, never kept, never learnt from.
async fn pass(
    gateway: &Gateway,
    upstream: &Upstream,
    path: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    let (parts, body) = request.into_parts();
    let headers = teacher::outgoing_headers(&parts.headers);
    let answer = upstream.send(parts.method, path, parts.uri.query(), headers, body.boxed_unsync()).await?;
    let (mut head, body) = answer.into_parts();
    head.headers = teacher::end_to_end(&head.headers);
    let facts = Facts {
        request_id: uuid::Uuid::now_v7().to_string(),
        site: callsite::SiteId::default_site(),
        by: callsite::By::Default,
        reason: "not-a-chat-request".into(),
    };
    facts.write(&mut head.headers, "teacher", "teacher", None);
    gateway.metrics.requests.with_label_values(&["default", "teacher", head.status.as_str()]).inc();
    Ok(Response::from_parts(head, body.boxed_unsync()))
}
