//! The stored form of exchanges: a block of some of one site, compressed together. Pure: bytes in, exchanges out.
//!
//! A block is a header (version, flags, count, lengths, first and last id; little endian) and a zstd frame of records. A record is
//! the exchange's head as JSON and both texts as they were, each behind its length. Whoever keeps a block keeps its checksum.

use std::borrow::Cow;

use callsite::SiteId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::Api;
use zstd::bulk::{Compressor, Decompressor};

use crate::CaptureError;
use crate::limits::{BLOCK_BYTES, BLOCK_EXCHANGES_MAX, UNPACKED_BYTES_MAX};
use crate::record::{Distillable, Exchange, Source};
use crate::users::UserHash;

const VERSION: u8 = 1;
const WITH_DICTIONARY: u8 = 1;
pub(crate) const HEADER_BYTES: usize = 48;
/// Without a dictionary the faster level packs as well; with one the better level costs nothing.
const LEVEL: i32 = 1;
const DICTIONARY_LEVEL: i32 = 3;

/// An exchange without its site and texts.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    id: Uuid,
    at_ms: u64,
    api: Api,
    source: Cow<'a, Source>,
    status: u16,
    stream: bool,
    complete: bool,
    retry: bool,
    distillable: Distillable,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserHash>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    redacted: bool,
}

/// What a block's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) with_dictionary: bool,
    pub(crate) count: u16,
    /// Of the exchanges' texts.
    pub(crate) raw_bytes: u32,
    unpacked_bytes: u32,
    packed_bytes: u32,
    /// Smallest and largest id.
    pub(crate) first: Uuid,
    pub(crate) last: Uuid,
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, if self.with_dictionary { WITH_DICTIONARY } else { 0 }];
        bytes.extend(self.count.to_le_bytes());
        bytes.extend([self.raw_bytes, self.unpacked_bytes, self.packed_bytes].iter().flat_map(|n| n.to_le_bytes()));
        bytes.extend([self.first, self.last].iter().flat_map(|id| *id.as_bytes()));
        bytes
    }

    /// The header at the beginning of `bytes`, and what follows.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), CaptureError> {
        let mut rest = bytes;
        let header = (|| {
            let [version, flags] = take(&mut rest)?;
            let header = Self {
                with_dictionary: flags & WITH_DICTIONARY != 0,
                count: u16::from_le_bytes(take(&mut rest)?),
                raw_bytes: u32::from_le_bytes(take(&mut rest)?),
                unpacked_bytes: u32::from_le_bytes(take(&mut rest)?),
                packed_bytes: u32::from_le_bytes(take(&mut rest)?),
                first: Uuid::from_bytes(take(&mut rest)?),
                last: Uuid::from_bytes(take(&mut rest)?),
            };
            (version == VERSION).then_some(header)
        })();
        header.map(|header| (header, rest)).ok_or_else(|| damaged("no block of a known version"))
    }

    /// Bytes of the whole block.
    pub(crate) fn payload_bytes(&self) -> usize {
        HEADER_BYTES + self.packed_bytes as usize
    }
}

/// Some exchanges, packed: header and frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
}

/// Packs exchanges of one site into blocks; keeps its buffers.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
    with_dictionary: bool,
    records: Vec<u8>,
    count: u16,
    raw_bytes: usize,
    ids: Option<(Uuid, Uuid)>,
}

impl Packer {
    /// # Errors
    /// When zstd does not take the dictionary.
    pub(crate) fn new(dictionary: Option<&[u8]>) -> Result<Self, CaptureError> {
        let compressor = match dictionary {
            None => Compressor::new(LEVEL),
            Some(dictionary) => Compressor::with_dictionary(DICTIONARY_LEVEL, dictionary),
        };
        let compressor = compressor.map_err(packing)?;
        let with_dictionary = dictionary.is_some();
        Ok(Self { compressor, with_dictionary, records: Vec::new(), count: 0, raw_bytes: 0, ids: None })
    }

    /// Whether `exchange` belongs into another block than those before it.
    pub(crate) fn is_full_for(&self, exchange: &Exchange) -> bool {
        self.count > 0
            && (self.records.len() + exchange.text_bytes() > BLOCK_BYTES
                || usize::from(self.count) >= BLOCK_EXCHANGES_MAX)
    }

    /// # Errors
    /// When the exchange cannot be written.
    pub(crate) fn push(&mut self, exchange: &Exchange) -> Result<(), CaptureError> {
        write_record(&mut self.records, exchange)?;
        self.count += 1;
        self.raw_bytes += exchange.text_bytes();
        let (first, last) = self.ids.unwrap_or((exchange.id, exchange.id));
        self.ids = Some((first.min(exchange.id), last.max(exchange.id)));
        Ok(())
    }

    /// The block of what was pushed; none where that was nothing.
    ///
    /// # Errors
    /// When zstd fails.
    pub(crate) fn finish(&mut self) -> Result<Option<Block>, CaptureError> {
        let Some((first, last)) = self.ids.take() else { return Ok(None) };
        let packed = self.compressor.compress(&self.records).map_err(packing)?;
        let length = |bytes: usize| u32::try_from(bytes).map_err(packing);
        let header = Header {
            with_dictionary: self.with_dictionary,
            count: std::mem::take(&mut self.count),
            raw_bytes: length(std::mem::take(&mut self.raw_bytes))?,
            unpacked_bytes: length(self.records.len())?,
            packed_bytes: length(packed.len())?,
            first,
            last,
        };
        self.records.clear();
        let mut payload = header.bytes();
        payload.extend(packed);
        Ok(Some(Block { header, payload }))
    }
}

/// One exchange as a record; what dictionaries are trained on.
pub(crate) fn write_record(out: &mut Vec<u8>, exchange: &Exchange) -> Result<(), CaptureError> {
    let Exchange { id, site: _, at_ms, api, ref source, status, .. } = *exchange;
    let Exchange { stream, complete, retry, distillable, user, redacted, ref request, ref response, .. } = *exchange;
    let source = Cow::Borrowed(source);
    let head = Head { id, at_ms, api, source, status, stream, complete, retry, distillable, user, redacted };
    let lengths_at = out.len();
    out.extend([0; 4]);
    serde_json::to_writer(&mut *out, &head).map_err(packing)?;
    let head_bytes = out.len() - lengths_at - 4;
    let length = |bytes: usize| u32::try_from(bytes).map(u32::to_le_bytes).map_err(packing);
    if let Some(place) = out.get_mut(lengths_at..lengths_at + 4) {
        place.copy_from_slice(&length(head_bytes)?);
    }
    for text in [request, response] {
        out.extend(length(text.len())?);
        out.extend(text.as_bytes());
    }
    Ok(())
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Packer").field("count", &self.count).finish_non_exhaustive()
    }
}

/// Reads blocks of one site.
pub(crate) struct Unpacker {
    decompressor: Decompressor<'static>,
    has_dictionary: bool,
}

impl Unpacker {
    /// # Errors
    /// When zstd does not take the dictionary.
    pub(crate) fn new(dictionary: Option<&[u8]>) -> Result<Self, CaptureError> {
        let decompressor = Decompressor::with_dictionary(dictionary.unwrap_or_default())
            .map_err(|error| CaptureError::Damaged(format!("the dictionary is none: {error}")))?;
        Ok(Self { decompressor, has_dictionary: dictionary.is_some() })
    }

    /// The exchanges of a block.
    ///
    /// # Errors
    /// When any of it is not as it was packed.
    pub(crate) fn unpack(&mut self, site: &SiteId, payload: &[u8]) -> Result<Vec<Exchange>, CaptureError> {
        let (header, packed) = Header::read(payload)?;
        if header.with_dictionary && !self.has_dictionary {
            return Err(damaged("their dictionary is lost"));
        }
        let unpacked_bytes = header.unpacked_bytes as usize;
        if packed.len() != header.packed_bytes as usize || unpacked_bytes > UNPACKED_BYTES_MAX {
            return Err(damaged("a block of impossible length"));
        }
        let records = self.decompressor.decompress(packed, unpacked_bytes);
        let records = records.map_err(|error| CaptureError::Damaged(error.to_string()))?;
        let (mut rest, mut exchanges) = (records.as_slice(), Vec::new());
        while !rest.is_empty() {
            exchanges.push(read_record(&mut rest, site)?);
        }
        if exchanges.len() != usize::from(header.count) {
            return Err(damaged("a block that says another count"));
        }
        Ok(exchanges)
    }
}

fn read_record(rest: &mut &[u8], site: &SiteId) -> Result<Exchange, CaptureError> {
    let cut = || damaged("a record that is cut");
    let head = part(rest).ok_or_else(cut)?;
    let Head { id, at_ms, api, source, status, stream, complete, retry, distillable, user, redacted } =
        serde_json::from_slice(head).map_err(|error| CaptureError::Damaged(error.to_string()))?;
    let mut text = || {
        let bytes = part(rest).ok_or_else(cut)?;
        String::from_utf8(bytes.to_vec()).map_err(|error| CaptureError::Damaged(error.to_string()))
    };
    let (request, response) = (text()?, text()?);
    let (site, source) = (site.clone(), source.into_owned());
    Ok(Exchange {
        id,
        site,
        at_ms,
        api,
        source,
        status,
        stream,
        complete,
        retry,
        distillable,
        user,
        redacted,
        request,
        response,
    })
}

/// The next part: its length and so many bytes.
fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take(rest)?) as usize;
    let (part, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(part)
}

/// The next `N` bytes.
pub(crate) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*bytes)
}

pub(crate) fn damaged(what: &str) -> CaptureError {
    CaptureError::Damaged(what.to_owned())
}

fn packing(error: impl std::fmt::Display) -> CaptureError {
    CaptureError::Packing(error.to_string())
}
