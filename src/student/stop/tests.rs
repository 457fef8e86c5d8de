//! Stop texts, however the text before them is cut.

use super::{Passed, StopFilter};

/// Everything passed on when `text` arrives in pieces of `size` characters, and whether it was stopped.
fn filter(stops: &[&str], text: &str, size: usize) -> (String, bool) {
    let stops: Vec<String> = stops.iter().map(|&stop| stop.to_owned()).collect();
    let mut filter = StopFilter::new(&stops);
    let mut out = String::new();
    let characters: Vec<char> = text.chars().collect();
    for piece in characters.chunks(size) {
        let passed = filter.push(&piece.iter().collect::<String>());
        out.push_str(&passed.text);
        if passed.stopped {
            return (out, true);
        }
    }
    out.push_str(&filter.finish());
    (out, false)
}

#[test]
fn text_ends_before_the_first_stop_text_however_it_is_cut() {
    for size in 1..12 {
        assert_eq!(filter(&["END", "\n\n"], "one EN two\n\nthree END", size), ("one EN two".to_owned(), true));
        assert_eq!(filter(&["aab"], "aaab", size), ("a".to_owned(), true));
        assert_eq!(
            filter(&["bcd", "abcde"], "xabcdf", size),
            ("xa".to_owned(), true),
            "the earlier of two is the one that is whole"
        );
        assert_eq!(filter(&["ß→"], "straß→e", size), ("stra".to_owned(), true));
    }
}

#[test]
fn text_without_a_stop_text_arrives_whole_however_it_is_cut() {
    for size in 1..12 {
        assert_eq!(filter(&["END"], "the EN", size), ("the EN".to_owned(), false));
        assert_eq!(filter(&[], "anything", size), ("anything".to_owned(), false));
        assert_eq!(filter(&[""], "anything", size), ("anything".to_owned(), false));
    }
}

#[test]
fn only_what_could_become_a_stop_text_is_held_back() {
    let mut filter = StopFilter::new(&["END".to_owned()]);
    assert_eq!(filter.push("the E"), Passed { text: "the ".to_owned(), stopped: false });
    assert_eq!(filter.push("N"), Passed { text: String::new(), stopped: false });
    assert_eq!(filter.push("T"), Passed { text: "ENT".to_owned(), stopped: false });
}
