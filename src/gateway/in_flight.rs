//! Requests that are being answered, counted from their arrival to the last byte of the answer or until
//! the client has left, whichever way that happens.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use telemetry::Metrics;

use crate::respond::{Body, Failure};

/// Counts one request for as long as it lives: a client that leaves drops it like one that stays.
#[derive(Debug)]
pub(crate) struct InFlight {
    metrics: Arc<Metrics>,
    /// Nothing was answered yet.
    waiting: bool,
}

impl InFlight {
    pub(crate) fn begin(metrics: &Arc<Metrics>) -> Self {
        metrics.requests_in_flight().add(1.0);
        Self { metrics: metrics.clone(), waiting: false }
    }

    /// The same, of a request whose answer has not begun.
    pub(crate) fn waiting(metrics: &Arc<Metrics>) -> Self {
        let mut request = Self::begin(metrics);
        request.waiting = true;
        request
    }

    /// A body that keeps its request counted.
    pub(crate) fn until_end_of(mut self, body: Body) -> Counted {
        self.waiting = false;
        Counted { body, _request: self }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.metrics.requests_in_flight().add(-1.0);
        if self.waiting {
            // The client left first; the code is the one that proxies log for it.
            self.metrics.requests_total("default", "proxy", "499").inc();
        }
    }
}

/// An answer's body with its request's place in the count.
pub(crate) struct Counted {
    body: Body,
    _request: InFlight,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
