//! The frame of every stored value: format version, CRC-32 of the payload (little endian), payload.

use crate::StoreError;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 5;

pub(crate) fn seal(payload: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER_BYTES + payload.len());
    framed.push(VERSION);
    framed.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    framed.extend_from_slice(payload);
    framed
}

pub(crate) fn open(framed: &[u8]) -> Result<&[u8], StoreError> {
    let (header, payload) =
        framed.split_at_checked(HEADER_BYTES).ok_or(StoreError::Damaged("shorter than its header"))?;
    match header {
        [VERSION, crc @ ..] if *crc == crc32fast::hash(payload).to_le_bytes() => Ok(payload),
        [VERSION, ..] => Err(StoreError::Damaged("its checksum does not match")),
        _ => Err(StoreError::Damaged("written by an unknown format version")),
    }
}
