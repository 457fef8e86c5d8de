use proptest::prelude::*;

use super::{exchange, id, site};
use crate::block::{HEADER_BYTES, Header, Packer, Unpacker};
use crate::entries::{self, Entries, Kind};
use crate::limits::{BLOCK_BYTES, ENTRY_BYTES_MAX, UNPACKED_BYTES_MAX};
use crate::sealed::named;
use crate::{Exchange, Source};

fn packed(exchanges: &[Exchange], dictionary: Option<&[u8]>) -> Vec<u8> {
    let mut packer = Packer::new(dictionary).unwrap();
    exchanges.iter().for_each(|exchange| packer.push(exchange).unwrap());
    packer.finish().unwrap().unwrap().payload
}

fn any_exchange() -> impl Strategy<Value = Exchange> {
    let source = prop_oneof![Just(Source::Teacher), ".*".prop_map(Source::Generated), ".*".prop_map(Source::Imported)];
    (".*", ".*", source, any::<(u32, u16, bool, bool, bool)>()).prop_map(|(request, response, source, facts)| {
        Exchange {
            source,
            status: facts.1,
            stream: facts.2,
            complete: facts.3,
            retry: facts.4,
            request,
            response,
            ..exchange("a", u64::from(facts.0), 7)
        }
    })
}

proptest! {
    #[test]
    fn what_was_packed_comes_back(exchanges in proptest::collection::vec(any_exchange(), 1..20)) {
        let payload = packed(&exchanges, None);
        prop_assert_eq!(Unpacker::new(None).unwrap().unpack(&site("a"), &payload).unwrap(), exchanges);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut unpacker = Unpacker::new(None).unwrap();
        drop(unpacker.unpack(&site("a"), &bytes));
        drop(named(&bytes));
        let mut entries = Entries::new(std::io::Cursor::new(&bytes), 0, bytes.len() as u64).unwrap();
        while entries.next().is_some() {}
    }

    /// Behind a right header and in a right frame: what the records say is not believed either.
    #[test]
    fn no_records_make_the_reader_panic(records in proptest::collection::vec(any::<u8>(), 0..400), count: u16) {
        let frame = zstd::bulk::compress(&records, 1).unwrap();
        let mut bytes = vec![1, 0];
        bytes.extend(count.to_le_bytes());
        bytes.extend([0, records.len() as u32, frame.len() as u32].iter().flat_map(|n| n.to_le_bytes()));
        bytes.extend([0; 32]);
        bytes.extend(frame);
        prop_assert!(Header::read(&bytes).is_ok());
        drop(Unpacker::new(None).unwrap().unpack(&site("a"), &bytes));
    }

    #[test]
    fn a_changed_block_is_an_error_or_what_it_was(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let exchanges: Vec<_> = (0..5).map(|n| exchange("a", 100, n)).collect();
        let mut payload = packed(&exchanges, None);
        let at = at.index(payload.len());
        payload[at] ^= 1_u8 << bit;
        // The checksum around it notices; here nothing may panic.
        drop(Unpacker::new(None).unwrap().unpack(&site("a"), &payload));
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let zeros = zstd::bulk::compress(&vec![0; UNPACKED_BYTES_MAX + 1], 1).unwrap();
    let mut bytes = vec![1, 0, 1, 0];
    bytes.extend([0, UNPACKED_BYTES_MAX as u32 + 1, zeros.len() as u32].iter().flat_map(|n| n.to_le_bytes()));
    bytes.extend([0; 32]);
    assert_eq!(bytes.len(), HEADER_BYTES);
    bytes.extend(&zeros);
    let refused = Unpacker::new(None).unwrap().unpack(&site("a"), &bytes);
    assert!(refused.unwrap_err().to_string().contains("impossible length"));
    // One that lies about its length unpacks no further than it said.
    bytes[8..12].copy_from_slice(&10_u32.to_le_bytes());
    assert!(Unpacker::new(None).unwrap().unpack(&site("a"), &bytes).is_err());
    // And an entry that promises more than the file holds is none.
    let mut entry = Vec::new();
    entries::write(&mut entry, Kind::Block, b"x").unwrap();
    entry[5..9].copy_from_slice(&(ENTRY_BYTES_MAX as u32).to_le_bytes());
    let mut entries = Entries::new(std::io::Cursor::new(&entry), 0, entry.len() as u64).unwrap();
    assert!(entries.next().unwrap().is_err() && entries.next().is_none());
}

#[test]
fn a_dictionary_is_asked_for_and_makes_the_same_smaller() {
    let exchanges: Vec<_> = (0..300).map(|n| exchange("a", 100, n)).collect();
    let (mut samples, mut sizes) = (Vec::new(), Vec::new());
    for exchange in &exchanges {
        let before = samples.len();
        crate::block::write_record(&mut samples, exchange).unwrap();
        sizes.push(samples.len() - before);
    }
    let dictionary = zstd::dict::from_continuous(&samples, &sizes, 4096).unwrap();
    let (plain, with) = (packed(&exchanges[..1], None), packed(&exchanges[..1], Some(&dictionary)));
    assert!(with.len() * 2 < plain.len() + HEADER_BYTES, "{} and {}", with.len(), plain.len());
    let read = |dictionary| Unpacker::new(dictionary).unwrap().unpack(&site("a"), &with);
    assert_eq!(read(Some(dictionary.as_slice())).unwrap(), exchanges[..1]);
    assert!(read(None).unwrap_err().to_string().contains("dictionary is lost"));
}

#[test]
fn a_block_is_full_at_its_size_and_takes_one_larger_exchange_alone() {
    let mut packer = Packer::new(None).unwrap();
    let large = Exchange { response: "x".repeat(BLOCK_BYTES * 3), ..exchange("a", 100, 1) };
    assert!(!packer.is_full_for(&large), "an empty block takes anything");
    packer.push(&large).unwrap();
    assert!(packer.is_full_for(&exchange("a", 100, 2)));
    let block = packer.finish().unwrap().unwrap();
    assert_eq!((block.header.count, block.header.first, block.header.last), (1, id(100, 1), id(100, 1)));
    assert_eq!(packer.finish().unwrap(), None);
}
