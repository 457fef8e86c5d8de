//! What is printed steers no terminal.

use serde_json::{Value, json};

use super::{has_colour, safe};

const HOSTILE: &str = "a\u{1b}[2Jb\u{9b}31mc\rd\u{7}e\u{202e}f\u{2066}g\u{7f}h\u{2028}i\0";

#[test]
fn what_steers_a_terminal_is_written_out_and_everything_else_stays() {
    assert_eq!(
        safe(HOSTILE),
        "a\\u001b[2Jb\\u009b31mc\\u000dd\\u0007e\\u202ef\\u2066g\\u007fh\\u2028i\\u0000",
        "{HOSTILE:?}"
    );
    let plain = "Grüße, مرحبا, 你好 🗡️\n\tsecond line, e\u{301}, \u{200f}";
    assert_eq!(safe(plain), plain);
}

#[test]
fn json_means_the_same_afterwards() {
    let value = json!({ HOSTILE: [HOSTILE, "plain"] });
    for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
        assert_eq!(serde_json::from_str::<Value>(&safe(&text)).unwrap(), value);
    }
}

#[test]
fn colour_is_for_terminals_whose_owner_wants_it() {
    let cases = [(true, false, true), (true, true, false), (false, false, false), (false, true, false)];
    for (is_terminal, no_color, colour) in cases {
        assert_eq!(has_colour(is_terminal, no_color), colour, "{is_terminal} {no_color}");
    }
}
