//! How an answer ends that the teacher did not finish: a stream with an error event, and every answer without its proper end, so that no
//! client takes a part for the whole. Touches nothing of what the teacher said.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use teacher::AnswerError;
use wire::error::ApiError;

use crate::{Gateway, outages};

/// What stands between two events, in every spelling of line ends.
const BOUNDARIES: [&[u8]; 3] = [b"\n\n", b"\r\n\r\n", b"\r\r"];
const BOUNDARY_BYTES_MAX: usize = 4;

/// The body of an answer of the teacher's.
pub(crate) struct Ending<B> {
    inner: B,
    gateway: Arc<Gateway>,
    /// The last bytes of an event stream; absent where no event can be added.
    tail: Option<Vec<u8>>,
    end: End,
}

enum End {
    NotYet,
    /// The error event was given; it goes out before the connection ends.
    Told(AnswerError),
    Flushed(AnswerError),
    Over,
}

impl<B> Ending<B> {
    /// `headers` are those of the answer.
    pub(crate) fn new(inner: B, gateway: &Arc<Gateway>, headers: &HeaderMap) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
        let is_events = content_type.get(..17).is_some_and(|name| name.eq_ignore_ascii_case(b"text/event-stream"));
        let is_plain = !headers.contains_key(header::CONTENT_ENCODING) && !headers.contains_key(header::CONTENT_LENGTH);
        Self { inner, gateway: gateway.clone(), tail: (is_events && is_plain).then(Vec::new), end: End::NotYet }
    }

    /// Whether an event may follow what was passed on: one cannot be put into another.
    fn is_between_events(&self) -> bool {
        let between = |tail: &Vec<u8>| tail.is_empty() || BOUNDARIES.iter().any(|boundary| tail.ends_with(boundary));
        self.tail.as_ref().is_some_and(between)
    }

    /// What was written last would be lost with the connection: once more round, and it is on its way.
    fn after_a_flush<T>(&mut self, error: AnswerError, context: &Context<'_>) -> Poll<T> {
        self.end = End::Flushed(error);
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn remember(&mut self, data: &[u8]) {
        if let Some(tail) = &mut self.tail {
            tail.extend_from_slice(data.get(data.len().saturating_sub(BOUNDARY_BYTES_MAX)..).unwrap_or_default());
            tail.drain(..tail.len().saturating_sub(BOUNDARY_BYTES_MAX));
        }
    }
}

impl<B: Body<Data = Bytes, Error = AnswerError> + Unpin> Body for Ending<B> {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        match std::mem::replace(&mut self.end, End::Over) {
            End::NotYet => self.end = End::NotYet,
            End::Told(error) => return self.after_a_flush(error, context),
            End::Flushed(error) => return Poll::Ready(Some(Err(error))),
            End::Over => return Poll::Ready(None),
        }
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.remember(data);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                let said = ApiError::upstream(502, error.code(), error.to_string());
                outages::count(&self.gateway, &said);
                if !self.is_between_events() {
                    return self.after_a_flush(error, context);
                }
                self.end = End::Told(error);
                let event = wire::sse::event(&String::from_utf8_lossy(&said.to_json()));
                Poll::Ready(Some(Ok(Frame::data(event.into()))))
            }
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.end, End::NotYet | End::Over) && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
