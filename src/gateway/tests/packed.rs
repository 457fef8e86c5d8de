//! Bodies that are packed on the wire: they pass as they are, and are read and kept unpacked.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use handover::State;

use super::client::{self, QUESTION, STREAMED};
use super::teacher::Teaches;
use super::until;
use super::world::{Setup, World};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// `Is the shop open? Yes.` by the reference encoder, quality 5.
const BROTLI: &[u8] = &[
    0x8b, 0x0a, 0x80, 0x49, 0x73, 0x20, 0x74, 0x68, 0x65, 0x20, 0x73, 0x68, 0x6f, 0x70, 0x20, 0x6f, 0x70, 0x65, 0x6e,
    0x3f, 0x20, 0x59, 0x65, 0x73, 0x2e, 0x03,
];

/// Sends the body as it is and gives back the body of the answer as it came.
fn exchange(world: &World, headers: &[(&str, &str)], body: &[u8]) -> (String, Vec<u8>) {
    let mut stream = client::begin(world.address, "POST", "/s/shop/v1/chat/completions", headers, body);
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    let at = heard.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    (String::from_utf8(heard[..at].to_vec()).unwrap(), heard[at + 4..].to_vec())
}

#[test]
fn a_packed_request_reaches_the_teacher_as_it_came_and_is_kept_as_it_was_meant() {
    for (coding, packed) in [
        ("gzip", gzip(QUESTION.as_bytes())),
        ("deflate", deflate(QUESTION.as_bytes())),
        ("zstd", zstd::encode_all(QUESTION.as_bytes(), 3).unwrap()),
        ("gzip, identity, x-gzip", gzip(&gzip(QUESTION.as_bytes()))),
    ] {
        let world = World::start(Setup::new(State::Teacher));
        let (head, _) = exchange(&world, &[("content-encoding", coding)], &packed);
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("x-apprentice-reason: teacher"), "{coding}: {head}");
        let asked = &world.teacher.asked()[0];
        assert_eq!(asked.bytes, packed, "{coding}");
        assert!(asked.head.contains(&format!("content-encoding: {coding}\r\n")), "{}", asked.head);
        assert_eq!(world.kept_once(1)[0].request, QUESTION);
    }
}

#[test]
fn what_cannot_be_unpacked_is_the_teachers_to_judge_and_is_not_kept() {
    let bomb = gzip(&vec![b' '; 9 << 20]);
    for (coding, body) in [("gzip", b"no gzip".to_vec()), ("secret", QUESTION.into()), ("gzip", bomb)] {
        let world = World::start(Setup::new(State::Teacher));
        let (head, _) = exchange(&world, &[("content-encoding", coding)], &body);
        assert!(head.contains("x-apprentice-reason: not-understood"), "{coding}: {head}");
        assert_eq!(world.teacher.asked()[0].bytes, body);
        assert_eq!(world.ask(QUESTION).status, 200);
        assert_eq!(world.kept_once(1)[0].request, QUESTION, "the other one is kept");
    }
}

#[test]
fn a_packed_answer_reaches_the_client_as_it_came_and_is_read_as_it_was_meant() {
    let Teaches::Whole(_, plain) = Teaches::text("Aye.") else { panic!() };
    let Teaches::Stream(events) = Teaches::stream("Aye.") else { panic!() };
    let events = events.concat().into_bytes();
    for (question, meant) in [(QUESTION, plain), (STREAMED, events)] {
        for (coding, packed) in [("gzip", gzip(&meant)), ("zstd", zstd::encode_all(meant.as_slice(), 3).unwrap())] {
            let world = World::start(Setup::new(State::Teacher));
            world.teacher.does(Teaches::Packed(coding.into(), packed.clone()));
            let accepted = "gzip, deflate, br, zstd";
            let (head, body) = exchange(&world, &[("accept-encoding", accepted)], question.as_bytes());
            assert!(head.contains(&format!("content-encoding: {coding}")), "{head}");
            assert_eq!(body, packed);
            assert!(world.teacher.asked()[0].head.contains(&format!("accept-encoding: {accepted}\r\n")));
            assert_eq!(world.kept_once(1)[0].response.as_bytes(), meant);
            until("the tokens", || world.metrics.tokens_total("shop", "teacher", "output").get() == 5);
        }
    }
}

#[test]
fn every_coding_that_clients_ask_for_can_be_undone() {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-encoding", http::HeaderValue::from_static("BR"));
    let unpacked = crate::encoding::of(&headers).decode(&bytes::Bytes::from_static(BROTLI), 99).unwrap();
    assert_eq!(unpacked, "Is the shop open? Yes.");
    assert_eq!(crate::encoding::of(&headers).decode(&bytes::Bytes::from_static(BROTLI), 21), None);
    let mut plain = Vec::new();
    MultiGzDecoder::new(gzip(b"x").as_slice()).read_to_end(&mut plain).unwrap();
    assert_eq!(plain, b"x");
}
