//! Content codings, undone in the copy that is read and kept; what client and teacher said to each other stays packed.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

/// How a body is packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Codings(Vec<Coding>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
    Unknown,
}

/// What `Content-Encoding` says (RFC 9110, section 8.4): in the order of packing.
pub(crate) fn of(headers: &HeaderMap) -> Codings {
    let names =
        headers.get_all(header::CONTENT_ENCODING).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let names = names.map(|name| name.trim_ascii().to_ascii_lowercase());
    let coding = |name: Vec<u8>| match name.as_slice() {
        b"" | b"identity" => None,
        b"gzip" | b"x-gzip" => Some(Coding::Gzip),
        b"deflate" => Some(Coding::Deflate),
        b"br" => Some(Coding::Brotli),
        b"zstd" => Some(Coding::Zstd),
        _ => Some(Coding::Unknown),
    };
    Codings(names.filter_map(coding).collect())
}

impl Codings {
    /// `body` unpacked; `None` where it cannot be read or has more than `most` bytes.
    pub(crate) fn decode(&self, body: &Bytes, most: usize) -> Option<Bytes> {
        let mut body = body.clone();
        for coding in self.0.iter().rev() {
            body = coding.decode(&body, most).ok()?;
        }
        Some(body)
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl Coding {
    fn decode(self, body: &[u8], most: usize) -> io::Result<Bytes> {
        match self {
            Self::Gzip => read(MultiGzDecoder::new(body), most),
            Self::Deflate => read(ZlibDecoder::new(body), most),
            Self::Brotli => read(brotli_decompressor::Decompressor::new(body, 4096), most),
            Self::Zstd => read(zstd::Decoder::new(body)?, most),
            Self::Unknown => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Reads up to `most` bytes: a small body may unpack to a very large one.
fn read(decoder: impl Read, most: usize) -> io::Result<Bytes> {
    let mut out = Vec::new();
    decoder.take(most as u64 + 1).read_to_end(&mut out)?;
    if out.len() > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(out.into()) }
}
