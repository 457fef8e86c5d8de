use std::path::Path;

use super::*;

fn tokenizer() -> Tokenizer {
    Tokenizer::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny_gemma")).unwrap()
}

const REPLY: &str = " That will be 42 coins, friend.\n";

/// The reply in pieces of a teacher's, each with other pieces that it considered.
fn teacher<'a>(pieces: &[&'a str], others: &[(&'a str, f64)]) -> Vec<TeacherToken<'a>> {
    let token = |piece: &&'a str| {
        let considered = std::iter::once((piece.as_bytes(), 0.5f64.ln()))
            .chain(others.iter().map(|(text, p)| (text.as_bytes(), p.ln())))
            .collect();
        TeacherToken { bytes: piece.as_bytes(), considered }
    };
    pieces.iter().map(token).collect()
}

#[test]
fn a_soft_target_stands_only_where_a_token_of_either_is_the_same_bytes() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode(REPLY.trim()).unwrap();
    let spans = tokenizer.pieces(REPLY.trim()).unwrap();
    assert_eq!(spans.iter().map(|piece| piece.id).collect::<Vec<_>>(), ids, "the same tokens");
    // A teacher of whole words.
    let pieces = [" That", " will", " be", " 42", " coins", ",", " friend", ".", "\n"];
    let found = soft_targets(&tokenizer, REPLY, &teacher(&pieces, &[])).unwrap();
    let text = |at: usize| REPLY.trim().get(spans[at].span.clone().unwrap()).unwrap();
    let places: Vec<&str> = found.iter().map(|soft| text(soft.at)).collect();
    // The first word has lost its space to the trimming, and begins elsewhere.
    assert!(places.len() >= 3 && places.contains(&",") && places.contains(&"."), "{places:?}");
    for soft in &found {
        let piece = text(soft.at);
        assert!(pieces.contains(&piece), "{piece}");
        assert_eq!(soft.known, [(ids[soft.at], 0.5)]);
    }
    // A teacher of single characters.
    let characters: Vec<String> = REPLY.chars().map(String::from).collect();
    let characters: Vec<&str> = characters.iter().map(String::as_str).collect();
    let found = soft_targets(&tokenizer, REPLY, &teacher(&characters, &[])).unwrap();
    assert!(!found.is_empty() && found.iter().all(|soft| text(soft.at).chars().count() == 1));
}

#[test]
fn alternatives_are_known_where_they_are_one_token_and_their_sum_is_never_above_one() {
    let tokenizer = tokenizer();
    let pieces = [" That will be 42 coins", ",", " friend.\n"];
    let one = |text: &str| single(&tokenizer, text.as_bytes()).unwrap();
    let others = [(".", 0.2), ("!? no token", 0.1), (".", 0.2), (",", 0.5)];
    let found = soft_targets(&tokenizer, REPLY, &teacher(&pieces, &others)).unwrap();
    assert_eq!(found.len(), 1);
    let want = BTreeMap::from([(one(",").unwrap(), 0.5), (one(".").unwrap(), 0.2)]);
    let known: BTreeMap<u32, f64> = found[0].known.iter().copied().collect();
    assert_eq!(known.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>());
    assert!(known.iter().all(|(id, p)| (p - want[id]).abs() < 1e-12), "{known:?}");
    let found = soft_targets(&tokenizer, REPLY, &teacher(&pieces, &[(".", 0.7)])).unwrap();
    assert!((found[0].known.iter().map(|(_, p)| p).sum::<f64>() - 1.0).abs() < 1e-12, "{found:?}");
}

#[test]
fn tokens_that_are_bytes_of_one_character_have_no_span() {
    let tokenizer = tokenizer();
    let text = "a \u{1F409}.";
    let spans = tokenizer.pieces(text).unwrap();
    let whole: Vec<&str> = spans.iter().filter_map(|piece| text.get(piece.span.clone()?)).collect();
    assert!(spans.iter().filter(|piece| piece.span.is_none()).count() >= 4, "{spans:?}");
    assert!(whole.iter().all(|piece| piece.is_ascii()), "{whole:?}");
    let pieces = ["a", " ", "\u{1F409}", "."];
    let found = soft_targets(&tokenizer, text, &teacher(&pieces, &[])).unwrap();
    assert!(found.iter().all(|soft| spans[soft.at].span.is_some()));
    assert!(found.iter().any(|soft| soft.at + 1 == spans.len()));
}
