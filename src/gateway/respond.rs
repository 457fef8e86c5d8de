//! What the proxy itself puts into an answer: its headers, and errors in OpenAI's shape.

use bytes::Bytes;
use callsite::{By, SiteId};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use uuid::Uuid;
use wire::error::ApiError;

use crate::call::Call;
use crate::reason::Reason;

/// Both of OpenAI's libraries show it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const OWN_REQUEST_ID: HeaderName = HeaderName::from_static("x-apprentice-request-id");
const SITE: HeaderName = HeaderName::from_static("x-apprentice-site");
const SITE_BY: HeaderName = HeaderName::from_static("x-apprentice-site-by");
const ROUTE: HeaderName = HeaderName::from_static("x-apprentice-route");
const REASON: HeaderName = HeaderName::from_static("x-apprentice-reason");
const MODEL: HeaderName = HeaderName::from_static("x-apprentice-model");
const CONFIDENCE: HeaderName = HeaderName::from_static("x-apprentice-confidence");
/// Our own headers of one answer, and room for two that others may add.
const HEADERS: usize = 10;

/// Why a body ended before its end.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The body of every answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, Failure>;

/// A body that is all there.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// What the `x-apprentice-*` headers say.
#[derive(Debug)]
pub(crate) struct RouteHeaders<'a> {
    pub(crate) id: Uuid,
    pub(crate) site: &'a SiteId,
    pub(crate) by: By,
    /// `teacher` or `student`.
    pub(crate) route: &'static str,
    pub(crate) reason: &'a Reason,
    pub(crate) model: &'a str,
    pub(crate) confidence: Option<f64>,
}

impl<'a> RouteHeaders<'a> {
    /// Of an answer by the teacher.
    pub(crate) fn teacher(call: &'a Call, reason: &'a Reason) -> Self {
        let Call { id, site, by, model, .. } = call;
        Self { id: *id, site, by: *by, route: "teacher", reason, model, confidence: None }
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.reserve(HEADERS);
        let Self { id, site, by, route, reason, model, confidence } = self;
        let text = |value: &str| HeaderValue::from_str(value).ok();
        let values = [
            (OWN_REQUEST_ID, text(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))),
            (SITE, text(site.as_str())),
            (SITE_BY, Some(HeaderValue::from_static(by.label()))),
            (ROUTE, Some(HeaderValue::from_static(route))),
            (REASON, text(&reason.to_string())),
            (MODEL, text(model)),
            (CONFIDENCE, confidence.and_then(|confidence| text(&format!("{confidence:.4}")))),
        ];
        for (name, value) in values {
            // Names of models and reasons come from outside: what no header can carry is left out.
            value.map(|value| headers.insert(name, value));
        }
    }
}

/// Whatever was answered, and by whom, can be asked about by an id.
pub(crate) fn identify(headers: &mut HeaderMap) {
    if !headers.contains_key(REQUEST_ID) {
        let own = headers.get(OWN_REQUEST_ID).cloned();
        let id = own.or_else(|| HeaderValue::from_str(&Uuid::now_v7().to_string()).ok());
        id.map(|id| headers.insert(REQUEST_ID, id));
    }
}

/// An error of the proxy's own.
pub(crate) fn error(error: &ApiError) -> Response<Body> {
    let mut response = Response::new(whole(error.to_json()));
    *response.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = error.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    } else if error.status < 500 || error.status == 504 {
        // OpenAI's libraries retry on their own: the same request would fail the same way, or wait as long again.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    response
}
