//! Streamed through in both directions, never kept, never learnt from: every path that is no known API, and bodies that are too large to
//! be understood.

use std::sync::Arc;

use http::Response;
use http::request::Parts;
use http_body_util::BodyExt;
use teacher::{AnswerBody, Outgoing};
use uuid::Uuid;
use wire::error::ApiError;

use crate::ending::Ending;
use crate::reason::Reason;
use crate::respond::{Body, Failure, RouteHeaders};
use crate::{Gateway, outages};

/// The teacher's answer to a request, as it comes. `path` is the teacher's.
pub(crate) async fn pass(
    gateway: &Arc<Gateway>,
    client: &teacher::Client,
    path: &str,
    parts: Parts,
    (body, reason): (Outgoing, &Reason),
) -> Result<Response<Body>, ApiError> {
    let headers = teacher::headers::outgoing(parts.headers);
    let answer = client.send(&parts.method, path, parts.uri.query(), &headers, body).await?;
    outages::over(gateway);
    Ok(respond(gateway, answer, reason))
}

/// An answer of the teacher's on its way to the client.
pub(crate) fn respond(gateway: &Arc<Gateway>, answer: Response<AnswerBody>, reason: &Reason) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    head.headers = teacher::headers::end_to_end(head.headers);
    let body = Ending::new(body, gateway, &head.headers).map_err(Failure::from).boxed_unsync();
    let facts = RouteHeaders {
        id: Uuid::now_v7(),
        site: &callsite::SiteId::default_site(),
        by: callsite::By::Default,
        route: "teacher",
        reason,
        model: "teacher",
        confidence: None,
    };
    facts.write(&mut head.headers);
    gateway.metrics.requests_total("default", "teacher", head.status.as_str()).inc();
    Response::from_parts(head, body)
}
