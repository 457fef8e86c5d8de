//! Which way a request goes: a known API, passed through untouched, or an error.

use std::sync::Arc;

use callsite::split_path;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use wire::Api;
use wire::error::ApiError;

use crate::in_flight::{Counted, InFlight};
use crate::pass::pass;
use crate::reason::Reason;
use crate::respond::{self, Body};
use crate::{Gateway, chat, outages};

/// Answers one request; never fails, because every failure is an answer too.
pub(crate) async fn handle(
    gateway: Arc<Gateway>,
    client: teacher::Client,
    mut request: Request<Incoming>,
) -> Response<Counted> {
    let now_ms = (gateway.clock)();
    gateway.activity.begin(now_ms / 1000);
    let in_flight = InFlight::begin(&gateway.metrics);
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
    let response = response.unwrap_or_else(|error| {
        outages::count(&gateway, &error);
        // What the teacher did not do is the teacher's: alerts look there.
        let route = if error.is_upstream() { "teacher" } else { "proxy" };
        gateway.metrics.requests_total("default", route, &error.status.to_string()).inc();
        respond::error(&error)
    });
    response.map(|body| in_flight.until_end_of(body))
}

/// A known API, passed through untouched, or an error.
async fn answer(
    gateway: &Arc<Gateway>,
    client: &teacher::Client,
    path: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    match Api::of_path(path).filter(|_| request.method() == Method::POST) {
        Some(api) => chat::chat(gateway, client, api, request).await,
        None if path.starts_with("/v1/") => {
            let (parts, body) = request.into_parts();
            pass(gateway, client, path, parts, (body.boxed_unsync(), &Reason::PassedThrough)).await
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
