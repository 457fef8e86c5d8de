//! Which way a request goes: a known API, another protocol, passed through untouched, or an error.

use std::sync::Arc;

use callsite::split_path;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use teacher::Outgoing;
use wire::Api;
use wire::error::ApiError;

use crate::in_flight::{Counted, InFlight};
use crate::pass::pass;
use crate::reason::Reason;
use crate::respond::{self, Body};
use crate::{Gateway, chat, outages, upgrade};

/// Answers one request; never fails, because every failure is an answer too.
pub(crate) async fn handle(
    gateway: Arc<Gateway>,
    client: teacher::Client,
    mut request: Request<Incoming>,
) -> Response<Counted> {
    let now_ms = (gateway.clock)();
    gateway.activity.begin(now_ms / 1000);
    let in_flight = InFlight::waiting(&gateway.metrics);
    let path = split_path(request.uri().path()).1.to_owned();
    let admitted = gateway.guard.check(&request).and_then(|()| gateway.keys.check(request.headers(), now_ms));
    let response = match admitted {
        Err(refused) => Err(refused),
        Ok(key) => {
            if let Some(key) = key {
                request.extensions_mut().insert(key);
            }
            answer(&gateway, &client, &path, request).await
        }
    };
    let mut response = response.unwrap_or_else(|error| {
        outages::count(&gateway, &error);
        // What the teacher did not do is the teacher's: alerts look there.
        let route = if error.is_upstream() { "teacher" } else { "proxy" };
        gateway.metrics.requests_total("default", route, &error.status.to_string()).inc();
        respond::error(&error)
    });
    respond::identify(response.headers_mut());
    response.map(|body| in_flight.until_end_of(body))
}

/// A known API, passed through untouched, or an error.
async fn answer(
    gateway: &Arc<Gateway>,
    client: &teacher::Client,
    path: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    if let Some(protocol) = upgrade::wanted(&request).filter(|_| path.starts_with("/v1/")) {
        return upgrade::upgrade(gateway, client, path, request, protocol).await;
    }
    match Api::of_path(path).filter(|_| request.method() == Method::POST) {
        Some(api) => chat::chat(gateway, client, api, request).await,
        None if path.starts_with("/v1/") => {
            let (parts, body) = request.into_parts();
            pass(gateway, client, path, parts, (Outgoing::Stream(body.boxed_unsync()), &Reason::PassedThrough)).await
        }
        None => Err(ApiError {
            status: 404,
            ..ApiError::invalid(
                "unknown_path",
                format!("`{path}` is not served here: paths are /v1/... and /s/SITE/v1/..."),
            )
        }),
    }
}
