//! One message on a pipe: its length as four bytes, big-endian, then JSON. No length is believed before it is compared with
//! what the reader accepts.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of one frame to a worker. The pool's limits on source and inputs, with every character escaped, stay below.
pub const REQUEST_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of one frame from a worker.
pub const REPLY_BYTES_MAX: usize = 64 * 1024;

/// The frame that says `message`.
///
/// # Errors
/// When it is longer than [`REQUEST_BYTES_MAX`].
pub fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = checked(frame.len() - 4, REQUEST_BYTES_MAX)?;
    frame.splice(..4, length.to_be_bytes());
    Ok(frame)
}

/// Writes one frame and flushes.
///
/// # Errors
/// As [`encode`], and of the writer.
pub fn write(writer: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    writer.write_all(&encode(message)?)?;
    writer.flush()
}

/// The next message, or nothing when the writer has closed between two frames.
///
/// # Errors
/// `InvalidData` for a frame longer than `bytes_max` or not the message, `UnexpectedEof` for one cut short.
pub fn read<T: DeserializeOwned>(reader: &mut impl Read, bytes_max: usize) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    if reader.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut length[1..])?;
    let mut body = vec![0; accepted(length, bytes_max)?];
    reader.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// As [`read`], where the end of the stream is an error too.
///
/// # Errors
/// As [`read`]; `UnexpectedEof` when the writer has closed.
pub async fn read_async<T: DeserializeOwned>(reader: &mut (impl AsyncRead + Unpin), bytes_max: usize) -> io::Result<T> {
    let mut length = [0; 4];
    reader.read_exact(&mut length).await?;
    let mut body = vec![0; accepted(length, bytes_max)?];
    reader.read_exact(&mut body).await?;
    Ok(serde_json::from_slice(&body)?)
}

fn accepted(length: [u8; 4], bytes_max: usize) -> io::Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    checked(length, bytes_max)?;
    Ok(length)
}

fn checked(bytes: usize, bytes_max: usize) -> io::Result<u32> {
    let too_long =
        || io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {bytes} bytes; {bytes_max} are accepted"));
    if bytes > bytes_max {
        return Err(too_long());
    }
    u32::try_from(bytes).map_err(|_error| too_long())
}
