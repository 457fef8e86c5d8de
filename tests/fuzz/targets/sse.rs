//! The reader of event streams: whatever comes, in whatever pieces, the events are the same, and reading an answer does not fail on them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::Api;
use wire::sse::{EVENT_BYTES_MAX, Reader};

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, bool) {
    let (mut reader, mut events) = (Reader::default(), Vec::new());
    for piece in pieces {
        reader.push(piece, |data| events.push(data.to_vec()));
    }
    (events, reader.overflowed())
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = (usize::from(input.0) + 1, input.1);
    let whole = read(std::iter::once(bytes));
    assert_eq!(whole, read(bytes.chunks(size)), "pieces of {size}");
    assert!(whole.0.iter().all(|data| data.len() <= EVENT_BYTES_MAX));
    // What is written as an event is read as that event.
    for data in whole.0.iter().filter(|data| !data.contains(&b'\n')) {
        if let Ok(text) = std::str::from_utf8(data) {
            let written = wire::sse::event(text);
            assert_eq!(read(std::iter::once(written.as_bytes())).0, [data.clone()]);
        }
    }
    drop((Api::Chat.read(true, bytes), Api::Chat.read(false, bytes)));
});
