//! Streamed through in both directions, never kept, never learnt from: every path that is no known API, and bodies that are too large to
//! be understood.

use http::Response;
use http::request::Parts;
use http_body_util::BodyExt;
use uuid::Uuid;
use wire::error::ApiError;

use crate::Gateway;
use crate::reason::Reason;
use crate::respond::{Body, RouteHeaders};

/// The teacher's answer to a request, as it comes. `path` is the teacher's.
pub(crate) async fn pass(
    gateway: &Gateway,
    client: &teacher::Client,
    path: &str,
    parts: Parts,
    (body, reason): (Body, &Reason),
) -> Result<Response<Body>, ApiError> {
    let headers = teacher::headers::outgoing(&parts.headers);
    let answer = client.send(parts.method, path, parts.uri.query(), headers, body).await?;
    let (mut head, body) = answer.into_parts();
    head.headers = teacher::headers::end_to_end(&head.headers);
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
    Ok(Response::from_parts(head, body.boxed_unsync()))
}
