//! The wire format against its published examples.

use super::Message;

#[test]
fn the_wire_format_matches_the_worked_examples_of_its_specification() {
    // The three messages that the encoding guide spells out byte by byte.
    assert_eq!(Message::default().int(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
    assert_eq!(Message::default().text(2, "testing").into_bytes(), b"\x12\x07testing");
    let inner = Message::default().int(1, 150);
    assert_eq!(Message::default().message(3, &inner).into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
}

#[test]
fn negative_numbers_take_ten_bytes_and_floats_are_little_endian() {
    assert_eq!(
        Message::default().int(1, -1).into_bytes(),
        [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
    );
    assert_eq!(Message::default().float(2, 1.0).into_bytes(), [0x15, 0x00, 0x00, 0x80, 0x3f]);
    assert_eq!(Message::default().int(16, 0).into_bytes(), [0x80, 0x01, 0x00], "fields from 16 on need two key bytes");
}
