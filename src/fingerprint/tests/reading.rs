//! Texts as tokens, requests as shapes, templates as people read them.

use crate::text::{EXCERPT_BYTES_MAX, Part, edges, excerpt, tokens};
use crate::{Shape, Template};

fn words(text: &str) -> Vec<&str> {
    tokens(text).map(|token| token.word).collect()
}

#[test]
fn numbers_dates_ids_and_quoted_texts_are_values_and_rows_of_them_are_one() {
    assert_eq!(words("A sword for 35 coins, 3.5 kg."), ["A", "sword", "for", "#", "coins", "#", "kg"]);
    assert_eq!(words("On 2026-05-01 at 12:30"), ["On", "#", "at", "#"]);
    assert_eq!(words("npc_0042 says \"Hello, you!\" loudly"), ["#", "says", "\"\"", "loudly"]);
    assert_eq!(words("“Halt” or «Halt» or 「止まれ」"), ["\"\"", "or", "\"\"", "or", "\"\""]);
    assert_eq!(
        words("one \"quote that is never closed\nnext"),
        ["one", "quote", "that", "is", "never", "closed", "next"]
    );
    assert_eq!(words("say \"a \\\"b\\\" c\" now"), ["say", "\"\"", "now"]);
}

#[test]
fn keys_of_json_are_words_and_its_values_are_not() {
    let json = "{\"npc\": \"Mara\", \"gold\": 35, \"memory\": [\"one\", \"two\"], \"alive\" : true}";
    assert_eq!(words(json), ["npc", "\"\"", "gold", "#", "memory", "\"\"", "alive", "true"]);
}

#[test]
fn scripts_without_spaces_have_a_token_for_each_character_and_others_for_each_word() {
    assert_eq!(words("商人です"), ["商", "人", "で", "す"]);
    assert_eq!(words("Ты кузнец, señor Žižka"), ["Ты", "кузнец", "señor", "Žižka"]);
    assert_eq!(words("대장장이 한스"), ["대장장이", "한스"]);
}

#[test]
fn lines_begin_where_they_begin() {
    let starts: Vec<_> = tokens("a b\n\n- c d\n7").map(|token| (token.word, token.starts_line)).collect();
    assert_eq!(starts, [("a", true), ("b", false), ("c", true), ("d", false), ("#", true)]);
}

#[test]
fn of_a_long_text_both_ends_are_looked_at() {
    let long = format!("begin {} end", "x ".repeat(200_000));
    let short = excerpt(&long);
    assert!(short.len() <= EXCERPT_BYTES_MAX + 1 && short.starts_with("begin") && short.ends_with("end"));
    assert_eq!(excerpt(&short), short, "what was shortened is not shortened again");
    let wide = "é".repeat(10_000);
    assert!(excerpt(&wide).len() <= EXCERPT_BYTES_MAX + 1);
}

/// They are stored: a release that hashes otherwise loses every found site.
#[test]
fn edges_are_the_same_on_every_machine_and_in_every_release() {
    let mut found = Vec::new();
    edges(Part::System, "You are {Mara}", |edge, _| found.push(edge));
    edges(Part::User, "商 7", |edge, _| found.push(edge));
    assert_eq!(found, EDGES);
    assert_eq!(String::from(Shape::new("chat", "gpt-5-mini", None, Some("[]"))), SHAPE);
}

const EDGES: [u32; 7] =
    [4_208_391_902, 4_098_109_571, 2_880_352_902, 2_485_499_281, 1_885_178_317, 1_757_434_851, 475_310_751];
const SHAPE: &str = "f0c8dba9cedfd6bd";

#[test]
fn a_shape_depends_on_what_is_asked_for_and_not_on_how_it_is_written() {
    let shape = |format: &str, tools: &str| Shape::new("chat", "m", Some(format), Some(tools));
    let plain = shape(
        r#"{"type":"json_schema","a":{"x":1,"y":[1,2.5,null,true]}}"#,
        r#"[{"function":{"name":"a","parameters":{"x":1}}},{"function":{"name":"b"}}]"#,
    );
    let same = shape(
        "{ \"a\": {\"y\":[1, 2.5, null, true], \"x\":1}, \"type\":\"json_schema\" }",
        r#"[{"function":{"name":"b","description":"new"}},{"function":{"parameters":{"x":1},"name":"a"}}]"#,
    );
    assert_eq!(plain, same);
    for (format, tools) in [
        (r#"{"type":"json_schema","a":{"x":2,"y":[1,2.5,null,true]}}"#, "[]"),
        (r#"{"type":"json_schema","a":{"x":1,"y":[2.5,1,null,true]}}"#, "[]"),
        (r#"{"type":"text"}"#, r#"[{"function":{"name":"a","parameters":{"x":1}}}]"#),
        ("not json", "nor this"),
    ] {
        assert_ne!(shape(format, tools), plain);
    }
    assert_ne!(Shape::new("chat", "m", None, None), Shape::new("chat", "n", None, None));
    assert_ne!(Shape::new("chat", "m", None, None), Shape::new("responses", "m", None, None));
    assert_ne!(Shape::new("chat", "m", None, Some("[]")), Shape::new("chat", "m", None, None));
}

#[test]
fn a_template_is_shown_with_its_gaps_and_the_values_that_fill_them() {
    let finder = super::finding::finder();
    let corpus = &super::corpora::all(3)[0];
    super::finding::ask(&finder, &corpus.asked);
    let views = finder.views();
    let shop = views.iter().find(|view| view.site.as_str().starts_with("shopkeeper")).unwrap();
    assert_eq!(shop.templates[0].system, "You are … shopkeeper in … You sell a … for # coins The shelf is …");
    assert_eq!(shop.templates[0].user, "");
    assert_eq!(shop.samples.len(), 3);
    let slot = |after: &str| {
        shop.slots.iter().find(|slot| slot.after == after).unwrap_or_else(|| panic!("{after}: {:?}", shop.slots))
    };
    assert!(
        slot("You sell a")
            .values
            .iter()
            .all(|item| shop.samples.iter().any(|sample| sample.system.contains(&format!("sell a {item} for"))))
    );
    assert!(slot("for").values.iter().all(|price| price.parse::<u32>().is_ok()), "{:?}", shop.slots);
    let text = serde_json::to_string(&finder.sites()).unwrap();
    let read: Vec<crate::FoundSite> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, finder.sites());
    let _: &Template = &read[0].templates[0];
}
