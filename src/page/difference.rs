//! Where two texts differ, word by word: what only one of them says is marked.

use std::time::{Duration, Instant};

use maud::{Markup, html};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// How long two texts are compared; what is not known by then is marked as a whole.
const TIME: Duration = Duration::from_millis(50);

/// `text` with the words marked that `other` does not have at that place.
pub(crate) fn marked(text: &str, other: &str) -> Markup {
    let (mine, others) = (words(text), words(other));
    let operations = capture_diff_slices_deadline(Algorithm::Myers, &mine, &others, Some(Instant::now() + TIME));
    html! {
        @for operation in operations {
            @let same = matches!(operation, DiffOp::Equal { .. });
            @let said = mine.get(operation.old_range()).unwrap_or_default().concat();
            @if same { (said) } @else if !said.is_empty() { mark { (said) } }
        }
    }
}

/// Words, and what stands between them.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut rest, mut blank) = (text, text.starts_with(char::is_whitespace));
    while !rest.is_empty() {
        let end = rest.find(|letter: char| letter.is_whitespace() != blank).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push(word);
        (rest, blank) = (after, !blank);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_says_is_marked() {
        let marked = |text, other| marked(text, other).into_string();
        let (one, other) = ("A sword costs 12 coins, Sir.", "A sword costs 15 coins,\nSir.");
        assert_eq!(marked(one, other), "A sword costs <mark>12</mark> coins,<mark> </mark>Sir.");
        assert_eq!(marked("same", "same"), "same");
        assert_eq!(marked("", "words"), "");
        assert_eq!(marked("<b>", ""), "<mark>&lt;b&gt;</mark>");
        let (long, longer) = ("a b ".repeat(50_000), "b c ".repeat(50_000));
        let began = Instant::now();
        assert!(marked(&long, &longer).contains("mark"));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn words_are_the_text_again() {
        for text in ["", " ", "a", " a  b\n", "a\u{a0}b é"] {
            assert_eq!(words(text).concat(), text);
        }
    }
}
