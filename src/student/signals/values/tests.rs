//! What of a JSON text is a value.

use super::values;

fn said(json: &str) -> Vec<&str> {
    values(json).into_iter().map(|range| json.get(range).unwrap()).collect()
}

#[test]
fn values_are_told_from_keys_punctuation_and_white_space() {
    for (json, wanted) in [
        (r#"{"price": 12, "item":"oil lamp" }"#, &["12", "oil lamp"][..]),
        (r#"{"a":{"b":[true, false,null],"c":-1.5e+3},"d":"x"}"#, &["true", "false", "null", "-1.5e+3", "x"]),
        (r#"[["a","b"],{"c":"d"},"e",7]"#, &["a", "b", "d", "e", "7"]),
        (r#"{"a":[{"b":1},"c",{"d":2}],"e":3}"#, &["1", "c", "2", "3"]),
        (r#""only a text""#, &["only a text"]),
        ("42", &["42"]),
        ("{}", &[]),
        (r#"{"a":"","b":[]}"#, &[]),
        ("", &[]),
    ] {
        assert_eq!(said(json), wanted, "{json}");
    }
}

#[test]
fn escapes_belong_to_their_string_and_end_none() {
    for (json, wanted) in [
        (r#"{"a":"say \"no\", {b: 1}","c":2}"#, &[r#"say \"no\", {b: 1}"#, "2"][..]),
        (r#"{"a\"b":"c\\","d":"\\\"e"}"#, &[r"c\\", r#"\\\"e"#]),
        (r#"{"\\":"é\u00e9\n","k":"🐉"}"#, &[r"é\u00e9\n", "🐉"]),
    ] {
        assert_eq!(said(json), wanted, "{json}");
    }
}

#[test]
fn what_was_cut_off_has_what_there_is_of_it() {
    for (json, wanted) in [
        (r#"{"a":"half a te"#, &["half a te"][..]),
        (r#"{"a":"half \"#, &[r"half \"]),
        (r#"{"a":1,"b"#, &["1"]),
        (r#"{"a":12"#, &["12"]),
        (r#"{"a":"#, &[]),
        ("]}],\"x\":\"y\"", &["x", "y"]),
    ] {
        assert_eq!(said(json), wanted, "{json}");
    }
}
