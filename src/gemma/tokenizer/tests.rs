//! Round trips, and streaming that never shows half a character.

use std::path::Path;

use super::{Detokenizer, SPECIAL_TEXTS, Special, Tokenizer};

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
    let mut stream = Detokenizer::default();
    let mut heard = String::new();
    for id in tokenizer.encode(text).unwrap() {
        let piece = stream.push(&tokenizer, id).unwrap();
        assert!(!piece.contains('\u{fffd}'), "half a character in {piece:?}");
        heard.push_str(&piece);
    }
    heard.push_str(&stream.finish(&tokenizer).unwrap());
    assert_eq!(heard, text);
}

#[test]
fn a_character_that_never_becomes_whole_shows_only_at_the_end() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode("\u{1f409}").unwrap();
    assert!(ids.len() >= 4, "the dragon is spelt in bytes");
    let mut stream = Detokenizer::default();
    for id in &ids[..ids.len() - 1] {
        assert_eq!(stream.push(&tokenizer, *id).unwrap(), "");
    }
    assert!(stream.finish(&tokenizer).unwrap().contains('\u{fffd}'));
}

/// The fixture's tokenizer with one more token behind its vocabulary, as Gemma 3's has `<image_soft_token>`.
fn extended(special: bool) -> (Tokenizer, usize) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny_gemma");
    let text = std::fs::read_to_string(golden.join("tokenizer.json")).unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let size = tokenizer().vocab_size();
    let mut token = file["added_tokens"][0].clone();
    token["id"] = size.into();
    token["content"] = "<image_soft_token>".into();
    token["special"] = special.into();
    file["added_tokens"].as_array_mut().unwrap().push(token);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tokenizer.json"), file.to_string()).unwrap();
    (Tokenizer::load(dir.path()).unwrap(), size)
}

#[test]
fn no_text_becomes_a_control_token_or_one_beyond_the_models_vocabulary() {
    let (tokenizer, size) = extended(true);
    let control: Vec<u32> = {
        let Special { bos, eos, pad, start_of_turn, end_of_turn } = tokenizer.special;
        let unknown = tokenizer.inner.token_to_id("<unk>").unwrap();
        vec![bos, eos, pad, start_of_turn, end_of_turn, unknown, size as u32]
    };
    let mut texts: Vec<String> = SPECIAL_TEXTS.iter().map(|text| (*text).to_owned()).collect();
    texts.extend(["a<unk>b", "x <image_soft_token> y", "<bos><unk><image_soft_token>"].map(str::to_owned));
    for text in texts {
        let ids = tokenizer.encode(&text).unwrap();
        assert!(ids.iter().all(|id| !control.contains(id)), "{text:?} gave {ids:?}");
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
}

#[test]
fn a_tokenizer_fits_a_smaller_model_only_if_text_cannot_reach_what_is_beyond() {
    let (tokenizer, size) = extended(true);
    assert_eq!(tokenizer.vocab_size(), size + 1);
    assert!(tokenizer.check_fits(size).is_ok() && tokenizer.check_fits(size + 1).is_ok());
    let (tokenizer, size) = extended(false);
    let message = tokenizer.check_fits(size).unwrap_err().to_string();
    assert!(message.contains("<image_soft_token>") && message.contains(&size.to_string()), "{message}");
    assert!(self::tokenizer().check_fits(size - 1).is_err());
}

#[test]
fn a_texts_bytes_bound_its_tokens_from_below() {
    let tokenizer = tokenizer();
    for text in ["", "a", "How much is the lantern, friend?", "\u{1f409}\u{1f409}", "    ", "the the the the"] {
        let (tokens, least) = (tokenizer.encode(text).unwrap().len(), tokenizer.tokens_at_least(text.len()));
        assert!(least <= tokens, "{text:?}: {least} of {tokens}");
    }
    assert!(tokenizer.tokens_at_least(1 << 20) > 1 << 14);
}
