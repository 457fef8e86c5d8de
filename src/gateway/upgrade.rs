//! Connections that change their protocol, as the WebSocket of `/v1/realtime` does: once the teacher has agreed, bytes go both ways
//! untouched until either side ends. Never kept, never learnt from.

use std::sync::Arc;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use teacher::Outgoing;
use tokio::sync::Semaphore;
use wire::error::ApiError;

use crate::in_flight::InFlight;
use crate::reason::Reason;
use crate::respond::{self, Body};
use crate::{Gateway, limits, pass};

/// The places of connections that have changed their protocol.
#[derive(Clone, Debug)]
pub struct Upgrades(Arc<Semaphore>);

impl Default for Upgrades {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::UPGRADES_MAX)))
    }
}

/// The protocol that a request asks for, if it asks for one.
pub(crate) fn wanted(request: &Request<Incoming>) -> Option<HeaderValue> {
    let mut said = request.headers().get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let asks = said.any(|value| value.split(',').any(|name| name.trim().eq_ignore_ascii_case("upgrade")));
    request.headers().get(UPGRADE).filter(|_| asks).cloned()
}

/// Puts the request for `protocol` to the teacher, and joins the two connections if it agrees.
pub(crate) async fn upgrade(
    gateway: &Arc<Gateway>,
    client: &teacher::Client,
    path: &str,
    mut request: Request<Incoming>,
    protocol: HeaderValue,
) -> Result<Response<Body>, ApiError> {
    let Ok(place) = gateway.upgrades.0.clone().try_acquire_owned() else {
        return Err(ApiError::limited("too_many_upgrades", "too many connections have changed their protocol", 1));
    };
    let from_client = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let mut headers = teacher::headers::outgoing(parts.headers);
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
    let body = Outgoing::Whole(bytes::Bytes::new());
    let mut answer = client.send(&parts.method, path, parts.uri.query(), &headers, body).await?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(pass::respond(gateway, answer, &Reason::PassedThrough));
    }
    let agreed = answer.headers().get(UPGRADE).cloned();
    let from_teacher = hyper::upgrade::on(&mut answer);
    let in_flight = InFlight::begin(&gateway.metrics);
    tokio::spawn(async move {
        let _held = (place, in_flight);
        match tokio::try_join!(from_client, from_teacher) {
            Ok((client, teacher)) => {
                let (mut client, mut teacher) = (TokioIo::new(client), TokioIo::new(teacher));
                if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut teacher).await {
                    tracing::debug!(%error, "an upgraded connection ended early");
                }
            }
            Err(error) => tracing::debug!(%error, "a connection could not change its protocol"),
        }
    });
    let mut response = pass::respond(gateway, answer, &Reason::PassedThrough).map(|_| respond::whole(""));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(agreed) = agreed {
        response.headers_mut().insert(UPGRADE, agreed);
    }
    Ok(response)
}
