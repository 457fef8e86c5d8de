//! The text fields of an event stream, whose texts come piece by piece. Every stream that is kept is looked through, so this reads it once
//! and takes no JSON apart.

/// In Responses it is `delta` alone, all others are whole.
const FIELDS: [&str; 7] = ["content", "arguments", "refusal", "reasoning", "reasoning_content", "text", "delta"];
const FIELD_BYTES_MAX: usize = 17;

/// Name and value of every such field in `text` that has a string, the value as a JSON string with its quotes.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let colon = from + text.get(from..)?.find(':')?;
            let field = field_before(text.get(from..colon)?);
            from = colon + 1;
            let Some(field) = field else { continue };
            let rest = text.get(from..)?;
            let value = rest.trim_start();
            if let Some(bytes) = string_bytes(value) {
                from += rest.len() - value.len() + bytes;
                return Some((field, value.get(..bytes)?));
            }
        }
    })
}

/// The field whose name, in its quotes, ends `text`.
fn field_before(text: &str) -> Option<&str> {
    let name = text.strip_suffix('"')?;
    let near = name.as_bytes().iter().rev().take(FIELD_BYTES_MAX + 1);
    let bytes = near.take_while(|byte| **byte != b'"').count();
    let begins = name.len().checked_sub(bytes)?;
    let quoted = begins.checked_sub(1).is_some_and(|at| name.as_bytes().get(at) == Some(&b'"'));
    name.get(begins..).filter(|name| quoted && FIELDS.contains(name))
}

/// How long the JSON string is that `text` begins with.
fn string_bytes(text: &str) -> Option<usize> {
    let mut bytes = text.strip_prefix('"')?.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at + 2),
            b'\\' => drop(bytes.next()?),
            _ => {}
        }
    }
    None
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
