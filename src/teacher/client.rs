//! A pooled client of the teacher.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use wire::error::ApiError;

use crate::{Endpoint, Secured, TeacherError, limits, tls};

/// The body of a request to the teacher: what the client sent, unread or read.
pub type Outgoing = UnsyncBoxBody<Bytes, hyper::Error>;

/// A client; clones share its connections. Belongs to the runtime that it is used on.
#[derive(Clone)]
pub struct Client {
    pool: Pool<Secured, Outgoing>,
    endpoint: Endpoint,
}

impl Client {
    /// # Errors
    /// [`TeacherError::CaFile`] when the certificates to trust cannot be read.
    pub fn new(endpoint: &Endpoint) -> Result<Self, TeacherError> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(limits::CONNECT_TIME));
        let https = tls::secured(tcp, endpoint.ca_file.as_deref())?;
        let pool = Pool::builder(TokioExecutor::new()).pool_idle_timeout(limits::IDLE_TIME).build(https);
        Ok(Self { pool, endpoint: endpoint.clone() })
    }

    /// Sends a request on and returns the teacher's answer as it comes, or why there is none. Dropping the
    /// future, or the answer's body, ends the request.
    ///
    /// # Errors
    /// In OpenAI's shape: the path cannot be sent on (400), the teacher cannot be reached (502) or does not begin (504).
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
        headers: HeaderMap,
        body: Outgoing,
    ) -> Result<Response<Incoming>, ApiError> {
        let origin = self.endpoint.origin();
        let invalid =
            |error: http::Error| ApiError::invalid("bad_path", format!("the path cannot be sent on: {error}"));
        let mut request = Request::builder()
            .method(method)
            .uri(self.endpoint.url(path, query).map_err(invalid)?)
            .body(body)
            .map_err(invalid)?;
        *request.headers_mut() = headers;
        if let Some(authorization) = &self.endpoint.authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        }
        match tokio::time::timeout(limits::FIRST_BYTE_TIME, self.pool.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if is_clients(&error) => {
                Err(ApiError::invalid("body_unreadable", format!("the body could not be read: {}", chain(&error))))
            }
            Ok(Err(error)) => Err(ApiError::upstream(
                502,
                "teacher_unreachable",
                format!(
                    "the teacher at {origin} cannot be reached: {}; check teacher.base_url and the network",
                    chain(&error)
                ),
            )),
            Err(_) => Err(ApiError::upstream(
                504,
                "teacher_timeout",
                format!("the teacher at {origin} did not begin to answer within {:?}", limits::FIRST_BYTE_TIME),
            )),
        }
    }
}

/// Whether the client's own body broke off, not the way to the teacher.
fn is_clients(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user) {
            return true;
        }
        next = error.source();
    }
    false
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
