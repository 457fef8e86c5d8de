//! The body of the teacher's answer, frame by frame as it comes, under its time limits.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Timeouts;

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
#[derive(Debug)]
pub struct AnswerBody {
    inner: Incoming,
    timeouts: Timeouts,
    heard: Instant,
    ends: Instant,
    /// Made when the body is waited for the first time: most answers are there with their head.
    timer: Option<Pin<Box<Sleep>>>,
}

impl AnswerBody {
    /// `began` is when the request was sent.
    pub(crate) fn new(inner: Incoming, timeouts: Timeouts, began: Instant) -> Self {
        Self { inner, timeouts, heard: Instant::now(), ends: began + timeouts.total, timer: None }
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
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.heard = Instant::now();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|frame| frame.map_err(AnswerError::BrokeOff))),
            Poll::Pending => self.poll_late(context).map(|late| Some(Err(late))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
