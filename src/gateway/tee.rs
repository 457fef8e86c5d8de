//! The teacher's body on its way to the client, frame by frame and untouched, with a copy for afterwards.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use teacher::{AnswerBody, AnswerError};

use crate::encoding::Codings;
use crate::limits;

/// What was kept of a body that has ended.
#[derive(Debug)]
pub(crate) struct CapturedBody {
    /// Empty when the body was longer than [`limits::CAPTURED_BYTES_MAX`].
    pub(crate) bytes: Bytes,
    /// The whole body passed through and all of it was kept.
    pub(crate) complete: bool,
    /// It is longer than that, or cannot be unpacked.
    pub(crate) too_large: bool,
    /// The client was gone before the end.
    pub(crate) client_left: bool,
    /// When its first bytes came.
    pub(crate) first: Option<Instant>,
}

impl CapturedBody {
    /// The same as the teacher wrote it, before it was packed.
    pub(crate) fn decoded(mut self, codings: &Codings) -> Self {
        if !codings.is_none() {
            match codings.decode(&self.bytes, limits::CAPTURED_BYTES_MAX) {
                Some(bytes) => self.bytes = bytes,
                None => (self.complete, self.too_large) = (false, true),
            }
        }
        self
    }
}

/// What to do when the body has ended or the client has left.
pub(crate) type Ended = Box<dyn FnOnce(CapturedBody) + Send>;

/// A body that passes through and is remembered.
pub(crate) struct Tee {
    inner: AnswerBody,
    frames: Vec<Bytes>,
    bytes: usize,
    first: Option<Instant>,
    ended: Option<Ended>,
}

impl Tee {
    pub(crate) fn new(inner: AnswerBody, ended: Ended) -> Self {
        let mut tee = Self { inner, frames: Vec::new(), bytes: 0, first: None, ended: Some(ended) };
        if tee.inner.is_end_stream() {
            tee.finish(true, false);
        }
        tee
    }

    /// Keeping a frame costs a reference count, not a copy.
    fn keep(&mut self, data: &Bytes) {
        self.first = self.first.or_else(|| Some(Instant::now()));
        self.bytes += data.len();
        if self.bytes <= limits::CAPTURED_BYTES_MAX {
            self.frames.push(data.clone());
        } else {
            // Gives back the list, too: the answer may go on for long.
            self.frames = Vec::new();
        }
    }

    fn finish(&mut self, whole: bool, client_left: bool) {
        let Some(ended) = self.ended.take() else { return };
        let too_large = self.bytes > limits::CAPTURED_BYTES_MAX;
        let complete = whole && !too_large;
        let bytes = match self.frames.as_slice() {
            [only] => only.clone(),
            frames => {
                let mut joined = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
                frames.iter().for_each(|frame| joined.extend_from_slice(frame));
                joined.freeze()
            }
        };
        ended(CapturedBody { bytes, complete, too_large, client_left, first: self.first });
    }
}

impl Body for Tee {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.keep(data);
                }
                // A body of known length ends here: nobody polls it again.
                if self.inner.is_end_stream() {
                    self.finish(true, false);
                }
            }
            Poll::Ready(Some(Err(_))) => self.finish(false, false),
            Poll::Ready(None) => self.finish(true, false),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Tee {
    /// The client left before the end.
    fn drop(&mut self) {
        self.finish(false, true);
    }
}
