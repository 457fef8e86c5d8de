//! Frames on a pipe.

use std::io::ErrorKind;

use proptest::prelude::*;

use crate::frame::{encode, read, read_async};

fn read_text(mut bytes: &[u8], most: usize) -> std::io::Result<Option<String>> {
    read(&mut bytes, most)
}

#[test]
fn a_frame_is_four_bytes_of_length_and_json() {
    assert_eq!(encode(&"ab").unwrap(), b"\x00\x00\x00\x04\"ab\"");
}

#[test]
fn a_frame_of_the_greatest_length_is_read_and_one_byte_more_is_not() {
    let frame = encode(&"abcdefgh").unwrap();
    assert_eq!(read_text(&frame, 10).unwrap().as_deref(), Some("abcdefgh"));
    assert_eq!(read_text(&frame, 9).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn a_length_of_four_gigabytes_is_refused_before_any_room_is_made() {
    assert_eq!(read_text(b"\xff\xff\xff\xff", 100).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn an_end_between_frames_is_no_error_and_one_inside_is() {
    assert_eq!(read_text(b"", 100).unwrap(), None);
    for cut in 1..8 {
        assert_eq!(
            read_text(&encode(&"ab").unwrap()[..cut], 100).unwrap_err().kind(),
            ErrorKind::UnexpectedEof,
            "{cut}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_on_both_sides(text in ".*") {
        let frame = encode(&text).unwrap();
        prop_assert_eq!(read_text(&frame, 1 << 20).unwrap(), Some(text.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let back: String = runtime.block_on(read_async(&mut frame.as_slice(), 1 << 20)).unwrap();
        prop_assert_eq!(back, text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _either = read_text(&bytes, 32);
    }
}
