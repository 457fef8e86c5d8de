//! The way to the teacher: one pooled HTTP/1.1 client per serving thread, TLS by rustls.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use wire::error::ApiError;

use crate::config::Teacher;
use crate::{GatewayError, limits};

/// The body of a request to the teacher: what the client sent, unread or read.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, hyper::Error>;

/// Headers that belong to one connection and are not passed on (RFC 9110, section 7.6.1).
const HOP_BY_HOP: &[HeaderName] = &[
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A client of the teacher.
#[derive(Clone)]
pub(crate) struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Outgoing>,
    teacher: Teacher,
}

impl Upstream {
    /// # Errors
    /// When the configured certificate file cannot be used.
    pub(crate) fn new(teacher: &Teacher) -> Result<Self, GatewayError> {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        http.set_connect_timeout(Some(limits::CONNECT_TIME));
        let builder = hyper_rustls::HttpsConnectorBuilder::new();
        let builder = match &teacher.ca_file {
            None => builder
                .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
                .map_err(|error| ca_error("built-in roots", &error))?,
            Some(path) => builder.with_tls_config(trusting(&path.to_string_lossy())?),
        };
        let https = builder.https_or_http().enable_http1().wrap_connector(http);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).pool_idle_timeout(limits::IDLE_TIME).build(https),
            teacher: teacher.clone(),
        })
    }

    /// Sends a request on and returns the teacher's answer as it comes, or why there is none.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
        headers: HeaderMap,
        body: Outgoing,
    ) -> Result<Response<Incoming>, ApiError> {
        let origin = self.teacher.origin();
        let invalid =
            |error: http::Error| ApiError::invalid("bad_path", format!("the path cannot be sent on: {error}"));
        let mut request = Request::builder()
            .method(method)
            .uri(self.teacher.url(path, query).map_err(invalid)?)
            .body(body)
            .map_err(invalid)?;
        *request.headers_mut() = headers;
        if let Some(authorization) = &self.teacher.authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        }
        match tokio::time::timeout(limits::FIRST_BYTE_TIME, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
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

/// The client's headers as the teacher gets them: without those of the connection and our own.
pub(crate) fn outgoing_headers(headers: &HeaderMap) -> HeaderMap {
    let mut out = end_to_end(headers);
    out.remove(header::HOST);
    let own: Vec<HeaderName> = out.keys().filter(|name| name.as_str().starts_with("x-apprentice-")).cloned().collect();
    own.iter().for_each(|name| drop(out.remove(name)));
    out
}

/// `headers` without those that belong to one connection, the ones that `Connection` names included.
pub(crate) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut out = headers.clone();
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    for name in named.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse::<HeaderName>().ok()) {
        out.remove(name);
    }
    HOP_BY_HOP.iter().for_each(|name| drop(out.remove(name)));
    out.remove("keep-alive");
    out
}

/// A TLS configuration that trusts only the certificates of a PEM file.
fn trusting(path: &str) -> Result<rustls::ClientConfig, GatewayError> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| ca_error(path, &error))? {
        let certificate = certificate.map_err(|error| ca_error(path, &error))?;
        roots.add(certificate).map_err(|error| ca_error(path, &error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(|error| ca_error(path, &error))?.with_root_certificates(roots).with_no_client_auth())
}

fn ca_error(path: &str, error: &dyn std::fmt::Display) -> GatewayError {
    GatewayError::CaFile { path: path.to_owned(), problem: error.to_string() }
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
