//! A client's body: whole where it is to be understood, and as it comes where it is too large for that.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::Incoming;
use teacher::Outgoing;
use wire::error::ApiError;

use crate::limits;

/// A body that was read, or begun.
pub(crate) enum Read {
    Whole(Bytes),
    /// It has more than the limit; what was read of it comes first.
    Larger(Outgoing),
}

/// Reads `body` up to `most` bytes.
///
/// # Errors
/// When the client breaks off, sends what is no body, or pauses too long.
pub(crate) async fn read(mut body: Incoming, most: usize) -> Result<Read, ApiError> {
    // Where the client says a length, nothing of it need be held.
    if usize::try_from(body.size_hint().lower()).is_ok_and(|least| least > most) {
        return Ok(Read::Larger(Outgoing::Stream(body.boxed_unsync())));
    }
    let (mut pieces, mut bytes) = (Vec::new(), 0);
    while let Some(frame) = next(&mut body).await? {
        let Ok(data) = frame.into_data() else { continue };
        bytes += data.len();
        pieces.push(data);
        if bytes > most {
            let read = futures_util::stream::iter(pieces).map(|piece| Ok(Frame::data(piece)));
            let whole = StreamBody::new(read.chain(BodyStream::new(body)));
            return Ok(Read::Larger(Outgoing::Stream(whole.boxed_unsync())));
        }
    }
    if let [only] = pieces.as_slice() {
        return Ok(Read::Whole(only.clone()));
    }
    let mut whole = BytesMut::with_capacity(bytes);
    pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
    Ok(Read::Whole(whole.freeze()))
}

async fn next(body: &mut Incoming) -> Result<Option<Frame<Bytes>>, ApiError> {
    let Ok(frame) = tokio::time::timeout(limits::BODY_PAUSE_TIME, body.frame()).await else {
        let message = format!("the body did not go on for {:?}", limits::BODY_PAUSE_TIME);
        return Err(ApiError { status: 408, ..ApiError::invalid("body_too_slow", message) });
    };
    frame
        .transpose()
        .map_err(|error| ApiError::invalid("body_unreadable", format!("the body could not be read: {error}")))
}
