//! The text fields of an event stream, whose texts come piece by piece. Every stream that is kept is looked through, so this reads it once
//! and takes no JSON apart.

use memchr::{memchr, memchr2};

/// In Responses it is `delta` alone, all others are whole.
const FIELDS: [&str; 7] = ["content", "arguments", "refusal", "reasoning", "reasoning_content", "text", "delta"];

/// Name and value of every such field in `text` that has a string, the value as a JSON string with its quotes.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (&'static str, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let colon = from + memchr(b':', text.as_bytes().get(from..)?)?;
            let field = field_before(text.as_bytes().get(from..colon)?);
            from = colon + 1;
            let Some(field) = field else { continue };
            let rest = text.get(from..)?;
            let value = rest.trim_start();
            if let Some(bytes) = string_bytes(value.as_bytes()) {
                from += rest.len() - value.len() + bytes;
                return Some((field, value.get(..bytes)?));
            }
        }
    })
}

/// The field whose name, in its quotes, ends `text`.
fn field_before(text: &[u8]) -> Option<&'static str> {
    let name = text.strip_suffix(b"\"")?;
    let last = name.last()?;
    let ends = |field: &&&str| {
        let begins = name.strip_suffix(field.as_bytes());
        begins.is_some_and(|before| before.last() == Some(&b'"'))
    };
    // Most names end with another letter, which is seen at once.
    FIELDS.iter().filter(|field| field.as_bytes().last() == Some(last)).find(ends).copied()
}

/// How long the JSON string is that `text` begins with.
fn string_bytes(text: &[u8]) -> Option<usize> {
    let (b'"', mut at) = (*text.first()?, 1) else { return None };
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::pieces;

    /// The same said as an expression: many times slower, and plain.
    const PIECES: &str =
        r#""(content|arguments|refusal|reasoning|reasoning_content|text|delta)":\s*("(?:[^"\\]|(?s:\\.))*")"#;

    fn agree(text: &str) {
        let plain = Regex::new(PIECES).unwrap();
        let expected: Vec<(&str, &str)> = plain
            .captures_iter(text)
            .map(|found| (found.get(1).unwrap().as_str(), found.get(2).unwrap().as_str()))
            .collect();
        assert_eq!(pieces(text).collect::<Vec<_>>(), expected, "{text:?}");
    }

    #[test]
    fn pieces_are_what_the_expression_finds() {
        for text in [
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"delta\" :\"no\",\"text\": \"y\"}",
            "\"content\":\"\\\"\",\"text\":\"\\\\\",\"delta\":\"caf\u{e9} \u{1f409}\"",
            "\"content\":\"cut",
            "\"content\":\"cut\\",
            "\"content\":\n\t \"a\"\"text\":\"b\"",
            "\"a\\\"content\":\"x\"",
            "content\":\"x\"",
            ":\"content\":::\"text\":\"",
            "\"contents\":\"x\",\"xcontent\":\"y\",\"\":\"z\"",
            "",
        ] {
            agree(text);
        }
    }

    #[test]
    fn pieces_of_anything_are_what_the_expression_finds() {
        let words = [
            "\"content\"",
            "\"text\"",
            "\"delta\"",
            "\"",
            "\\",
            ":",
            ": ",
            "\u{e9}",
            "x",
            "{",
            "\n",
            "reasoning_content",
        ];
        let mut state = 88_172_645_463_325_252_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push_str(words[usize::try_from(state % 12).unwrap()]);
            }
            agree(&text);
        }
    }
}
