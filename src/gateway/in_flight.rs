//! Requests that are being answered, counted from their arrival to the last byte of the answer or until
//! the client has left, whichever way that happens.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use telemetry::Metrics;

use crate::respond::Body;

/// Counts one request for as long as it lives: a client that leaves drops it like one that stays.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Metrics>);

impl InFlight {
    pub(crate) fn begin(metrics: &Arc<Metrics>) -> Self {
        metrics.requests_in_flight().add(1.0);
        Self(metrics.clone())
    }

    /// A body that keeps its request counted.
    pub(crate) fn until_end_of(self, body: Body) -> Counted {
        Counted { body, _request: self }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.requests_in_flight().add(-1.0);
    }
}

/// An answer's body with its request's place in the count.
pub(crate) struct Counted {
    body: Body,
    _request: InFlight,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
