//! Where the values of a JSON text lie: what an answer says, apart from what its form says.

use std::ops::Range;

/// The bytes of `json`'s string values (with their quotes left out), numbers and literals, in their order; not of keys, punctuation and
/// white space. An escape belongs to its string. A text that was cut off has what there is of it; one that is no JSON has whatever looks like
/// it.
pub(crate) fn values(json: &str) -> Vec<Range<usize>> {
    let (bytes, mut found, mut at) = (json.as_bytes(), Vec::new(), 0);
    // What each open bracket is: an object's begins with a key and has one after every comma.
    let mut open: Vec<bool> = Vec::new();
    let mut key_next = false;
    while let Some(byte) = bytes.get(at) {
        let begin = at;
        at += 1;
        match byte {
            b'{' | b'[' => {
                key_next = *byte == b'{';
                open.push(key_next);
            }
            b'}' | b']' => {
                open.pop();
                key_next = false;
            }
            b',' => key_next = open.last() == Some(&true),
            b':' => key_next = false,
            b'"' => {
                let end = string_end(bytes, at);
                if !key_next {
                    found.push(at..end);
                }
                at = end + 1;
            }
            byte if is_bare(*byte) => {
                at += bytes.iter().skip(at).take_while(|byte| is_bare(**byte)).count();
                found.push(begin..at);
            }
            _ => {}
        }
    }
    found.retain(|range| !range.is_empty());
    found
}

/// Where the string ends whose first byte after the quote is at `from`: its closing quote, or the text's end.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut escaped = false;
    let inside = bytes.iter().skip(from).take_while(|byte| {
        let ends = **byte == b'"' && !escaped;
        escaped = **byte == b'\\' && !escaped;
        !ends
    });
    from + inside.count()
}

/// Whether a byte belongs to a number or to `true`, `false`, `null`.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

#[cfg(test)]
mod tests;
