//! A pooled client of the teacher.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, header};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::Instant;
use wire::error::ApiError;

use crate::connect::Within;
use crate::pool::{Pool, PoolError};
use crate::resilience::backoff;
use crate::{AnswerBody, Called, Endpoint, Outgoing, Resilience, TeacherError, tls};

/// A client; clones share its connections. Belongs to the runtime that it is used on.
#[derive(Clone)]
pub struct Client {
    pool: Pool,
    endpoint: Arc<Endpoint>,
}

impl Client {
    /// # Errors
    /// [`TeacherError::CaFile`] when the certificates to trust cannot be read.
    pub fn new(endpoint: &Endpoint) -> Result<Self, TeacherError> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = tls::secured(tcp, endpoint.ca_file.as_deref())?;
        let connector = Within { connector, time: endpoint.resilience.timeouts.connect };
        Ok(Self { pool: Pool::new(connector, endpoint.origin_uri()?), endpoint: Arc::new(endpoint.clone()) })
    }

    /// Sends a request on and returns the teacher's answer as it comes, or why there is none. A whole body is sent again while no
    /// connection can be made: the teacher has seen nothing of it then. Dropping the future, or the answer's body, ends the request.
    ///
    /// # Errors
    /// In OpenAI's shape: the path cannot be sent on or the client's body broke off (400), the teacher cannot be reached or broke off
    /// (502), did not begin in time (504), or is not asked for now (503).
    pub async fn send(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        body: Outgoing,
    ) -> Result<Response<AnswerBody>, ApiError> {
        let Resilience { timeouts, retries_max, .. } = self.endpoint.resilience;
        let began = Instant::now();
        let permit = self.endpoint.breaker().admit(began.into_std()).map_err(|wait| self.resting(wait))?;
        let (mut body, mut retries) = (body, 0);
        loop {
            let again = body.again();
            let asked = self.pool.request(self.request(method, path, query, headers, body)?);
            let error = match tokio::time::timeout(timeouts.first_byte, asked).await {
                Ok(Ok((response, connection))) => {
                    permit.answered();
                    self.endpoint.quota().note(response.headers(), Instant::now().into_std());
                    let kept = (connection, self.pool.clone());
                    return Ok(response.map(|body| AnswerBody::new(body, kept, timeouts, began)));
                }
                Ok(Err(error)) if is_clients(&error) => {
                    let problem = format!("the body could not be read: {}", chain(&error));
                    return Err(ApiError::invalid("body_unreadable", problem));
                }
                Ok(Err(error @ PoolError::Connect(_))) => match again {
                    Some(again) if retries < retries_max && began.elapsed() < timeouts.connect => {
                        retries += 1;
                        // The nanoseconds that the try took are chance enough.
                        let die = f64::from(began.elapsed().subsec_nanos() % 1_000) / 1_000.0;
                        tokio::time::sleep(backoff(retries, die)).await;
                        body = again;
                        continue;
                    }
                    _ => self.unreachable(&error),
                },
                Ok(Err(error)) => self.broke_off(&error),
                Err(_) => self.silent(timeouts.first_byte),
            };
            if permit.failed(Instant::now().into_std()) {
                let (origin, name) = (self.endpoint.origin(), self.endpoint.called.name);
                tracing::error!(
                    teacher = origin,
                    error = error.message,
                    "the circuit opened: {name} is not asked for a while"
                );
            }
            return Err(error);
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        body: Outgoing,
    ) -> Result<Request<Outgoing>, ApiError> {
        let invalid =
            |error: http::Error| ApiError::invalid("bad_path", format!("the path cannot be sent on: {error}"));
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = self.endpoint.target(path, query).map_err(invalid)?;
        headers.clone_into(request.headers_mut());
        request.headers_mut().insert(header::HOST, self.endpoint.host.clone());
        if let Some(authorization) = &self.endpoint.authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> ApiError {
        let (origin, why, Called { name, address_key, .. }) =
            (self.endpoint.origin(), chain(error), self.endpoint.called);
        let message = format!("{name} at {origin} cannot be reached: {why}; check {address_key} and the network");
        ApiError::upstream(502, "teacher_unreachable", message)
    }

    fn broke_off(&self, error: &dyn std::error::Error) -> ApiError {
        let (origin, why, name) = (self.endpoint.origin(), chain(error), self.endpoint.called.name);
        ApiError::upstream(502, "teacher_broke_off", format!("{name} at {origin} broke off before it answered: {why}"))
    }

    fn silent(&self, waited: Duration) -> ApiError {
        let (origin, Called { name, patience_key, .. }) = (self.endpoint.origin(), self.endpoint.called);
        let message = format!("{name} at {origin} did not begin to answer within {waited:?} ({patience_key})");
        ApiError::upstream(504, "teacher_timeout", message)
    }

    fn resting(&self, wait: Duration) -> ApiError {
        let (origin, name) = (self.endpoint.origin(), self.endpoint.called.name);
        let message = format!("{name} at {origin} has not answered several requests in a row and is not asked for now");
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        ApiError { retry_after_s: Some(seconds), ..ApiError::upstream(503, "teacher_unavailable", message) }
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
