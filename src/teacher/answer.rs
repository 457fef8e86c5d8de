//! The body of the teacher's answer, frame by frame as it comes, under its time limits.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::Connection;
use crate::pool::Pool;
use crate::{Timeouts, limits};

/// Why an answer ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("the teacher's answer broke off: {0}")]
    BrokeOff(#[from] hyper::Error),
    #[error("the teacher's answer did not go on for {0:?} (teacher.idle_s)")]
    Stalled(Duration),
    #[error("the teacher's answer took longer than {0:?} (teacher.total_s)")]
    TooLong(Duration),
}

impl AnswerError {
    /// One of a fixed list, for errors on the wire and for counting.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BrokeOff(_) => "answer_broke_off",
            Self::Stalled(_) => "answer_stalled",
            Self::TooLong(_) => "answer_too_long",
        }
    }
}

/// An answer's body; dropping it ends the request.
pub struct AnswerBody {
    inner: Incoming,
    /// Until the answer is over.
    connection: Option<(Connection, Pool)>,
    /// What came behind what was given already.
    next: Option<Polled>,
    timeouts: Timeouts,
    heard: Instant,
    ends: Instant,
    /// Made when the body is waited for the first time: most answers are there with their head.
    timer: Option<Pin<Box<Sleep>>>,
}

type Polled = Option<Result<Frame<Bytes>, hyper::Error>>;

impl AnswerBody {
    /// `began` is when the request was sent.
    pub(crate) fn new(inner: Incoming, kept: (Connection, Pool), timeouts: Timeouts, began: Instant) -> Self {
        let ends = began + timeouts.total;
        let mut body =
            Self { inner, connection: Some(kept), next: None, timeouts, heard: Instant::now(), ends, timer: None };
        if body.inner.is_end_stream() {
            body.let_go();
        }
        body
    }

    /// The answer is over: its connection may carry the next one.
    fn let_go(&mut self) {
        if let Some((connection, pool)) = self.connection.take() {
            pool.put(connection);
        }
    }

    /// What has come, read from the connection if need be.
    fn poll_inner(&mut self, context: &mut Context<'_>) -> Poll<Polled> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if polled.is_ready() {
            return polled;
        }
        if let Some((connection, _)) = &mut self.connection {
            connection.drive(context);
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    /// `first` and whatever has come behind it already, in one piece: the client gets it by one write.
    fn gather(&mut self, first: Bytes, context: &mut Context<'_>) -> Bytes {
        let mut all: Option<BytesMut> = None;
        let bytes = |all: &Option<BytesMut>| all.as_ref().map_or(first.len(), BytesMut::len);
        while bytes(&all) < limits::GATHERED_BYTES_MAX && !self.inner.is_end_stream() {
            match self.poll_inner(context).map(|polled| polled.map(|frame| frame.map(Frame::into_data))) {
                Poll::Ready(Some(Ok(Ok(data)))) => {
                    all.get_or_insert_with(|| BytesMut::from(first.as_ref())).extend_from_slice(&data);
                }
                Poll::Ready(Some(Ok(Err(trailers)))) => {
                    self.next = Some(Some(Ok(trailers)));
                    break;
                }
                Poll::Ready(Some(Err(error))) => {
                    self.next = Some(Some(Err(error)));
                    break;
                }
                Poll::Ready(None) => {
                    self.next = Some(None);
                    break;
                }
                Poll::Pending => break,
            }
        }
        all.map_or(first, BytesMut::freeze)
    }

    /// Whether time is up, asked while nothing comes.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<AnswerError> {
        loop {
            let idle_ends = self.heard + self.timeouts.idle;
            let due = idle_ends.min(self.ends);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            // It was set when less had been heard: it fires early at worst, and is set anew.
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            if now >= self.ends {
                return Poll::Ready(AnswerError::TooLong(self.timeouts.total));
            }
            if now >= idle_ends {
                return Poll::Ready(AnswerError::Stalled(self.timeouts.idle));
            }
            timer.as_mut().reset(due);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let polled = match self.next.take() {
            Some(next) => Poll::Ready(next),
            None => self.poll_inner(context),
        };
        let frame = match polled {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(other) => {
                if other.is_none() {
                    self.let_go();
                }
                return Poll::Ready(other.map(|frame| frame.map_err(AnswerError::BrokeOff)));
            }
            Poll::Pending => return self.poll_late(context).map(|late| Some(Err(late))),
        };
        self.heard = Instant::now();
        let frame = match frame.into_data() {
            Ok(data) => Frame::data(self.gather(data, context)),
            Err(trailers) => trailers,
        };
        // Of a body that ends here nobody asks for more.
        if self.is_end_stream() {
            self.let_go();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.next {
            Some(next) => next.is_none(),
            None => self.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
