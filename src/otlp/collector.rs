//! The way to the collector: requests of the exporter's own thread, carried by the program's runtime.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// Most of an answer that is read: it says little.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// A client of plain HTTP.
pub(crate) struct Collector {
    runtime: Handle,
    client: Client<HttpConnector, Full<Bytes>>,
    /// The last spans did not reach it.
    failing: AtomicBool,
}

impl Collector {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, client: Client::builder(TokioExecutor::new()).build_http(), failing: AtomicBool::new(false) }
    }
}

impl Collector {
    /// Says when spans begin to be lost, and when they arrive again; not of each.
    fn say(&self, outcome: &Result<Response<Bytes>, HttpError>) {
        let problem = match outcome {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let failed_before = self.failing.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !failed_before => tracing::warn!(problem, "spans do not reach the collector and are lost"),
            None if failed_before => tracing::info!("spans reach the collector again"),
            _ => {}
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        // The exporter waits in a thread that has no runtime.
        let asked = self.runtime.spawn(async move {
            let answer = tokio::time::timeout(crate::EXPORT_TIME, client.request(request.map(Full::new))).await??;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        });
        let outcome = asked.await.unwrap_or_else(|error| Err(error.into()));
        self.say(&outcome);
        outcome
    }
}
