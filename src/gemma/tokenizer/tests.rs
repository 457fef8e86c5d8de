//! Round trips, and streaming that never shows half a character.

use std::path::Path;

use super::{Detokenizer, Tokenizer, defused};

fn tokenizer() -> Tokenizer {
    Tokenizer::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny_gemma")).unwrap()
}

#[test]
fn text_survives_the_round_trip_whatever_it_holds() {
    let tokenizer = tokenizer();
    for text in ["How much?", "  two  spaces ", "caf\u{e9} \u{1f409}\n\n\ttab", "", "<bos>", "a<eos<eos>", "\u{2028}"] {
        let ids = tokenizer.encode(text).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
        assert!(ids.iter().all(|id| *id > 5), "{text:?} gave a control token: {ids:?}");
    }
}

#[test]
fn streaming_gives_the_same_text_in_whole_characters() {
    let tokenizer = tokenizer();
    let text = "The \u{1f409} pays \u{20ac}42 \u{2014} caf\u{e9}!";
    let mut stream = Detokenizer::new(&tokenizer);
    let mut heard = String::new();
    for id in tokenizer.encode(text).unwrap() {
        let piece = stream.push(id).unwrap();
        assert!(!piece.contains('\u{fffd}'), "half a character in {piece:?}");
        heard.push_str(&piece);
    }
    heard.push_str(&stream.finish().unwrap());
    assert_eq!(heard, text);
}

#[test]
fn a_character_that_never_becomes_whole_shows_only_at_the_end() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode("\u{1f409}").unwrap();
    assert!(ids.len() >= 4, "the dragon is spelt in bytes");
    let mut stream = Detokenizer::new(&tokenizer);
    for id in &ids[..ids.len() - 1] {
        assert_eq!(stream.push(*id).unwrap(), "");
    }
    assert!(stream.finish().unwrap().contains('\u{fffd}'));
}

#[test]
fn cutting_loses_nothing() {
    for text in ["<bos>", "x<pad><pad>y", "<<bos>>", "plain", "\u{e9}<start_of_turn>\u{e9}"] {
        assert_eq!(defused(text).concat(), text);
        assert!(defused(text).iter().all(|piece| !piece.contains("<bos>") && !piece.contains("<pad>")));
    }
}
