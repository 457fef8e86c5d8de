//! What is stored of exchanges: damaged bytes are an error and never more, and what can be read reads the same when it is packed again.
//!
//! The stored form is private to `capture`. Its files are taken in here as they stand, so that nothing is made public for this.
#![no_main]
#![allow(dead_code)]

#[path = "../../../src/capture/block.rs"]
mod block;
#[path = "../../../src/capture/error.rs"]
mod error;
#[path = "../../../src/capture/limits.rs"]
mod limits;
#[path = "../../../src/capture/record.rs"]
mod record;
#[path = "../../../src/capture/users.rs"]
mod users;

pub use error::CaptureError;

use block::{HEADER_BYTES, Header, Packer, Unpacker};
use callsite::SiteId;
use libfuzzer_sys::fuzz_target;

/// A block around `records`, whatever they are: so that the reader of records is reached, which damaged blocks seldom do.
fn around(records: &[u8], count: u16) -> Vec<u8> {
    let packed = zstd::bulk::compress(records, 1).expect("zstd packs anything");
    let length = |bytes: usize| u32::try_from(bytes).expect("a small input").to_le_bytes();
    let mut block = vec![1, 0];
    block.extend(count.to_le_bytes());
    block.extend([length(0), length(records.len()), length(packed.len())].concat());
    block.resize(HEADER_BYTES, 0);
    block.extend(packed);
    block
}

fuzz_target!(|input: (Option<u16>, &[u8])| {
    let site = SiteId::default_site();
    let bytes = match input {
        (Some(count), records) => around(records, count % 4),
        (None, block) => block.to_vec(),
    };
    drop(Header::read(&bytes).map(|(header, _)| header.payload_bytes()));
    let mut unpacker = Unpacker::new(None).expect("no dictionary is a dictionary");
    let Ok(exchanges) = unpacker.unpack(&site, &bytes) else { return };
    let mut packer = Packer::new(None).expect("no dictionary is a dictionary");
    for exchange in &exchanges {
        packer.push(exchange).expect("it was packed before");
    }
    if let Some(block) = packer.finish().expect("it was packed before") {
        assert_eq!(unpacker.unpack(&site, &block.payload).expect("our own block"), exchanges);
    }
});
