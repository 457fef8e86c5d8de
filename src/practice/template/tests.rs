//! What is filled in is read back, and other texts are refused.

use super::{fill, read};

#[test]
fn slots_survive_the_round_trip() {
    let template = "You are {name} of {town}. It costs {price}";
    let slots = vec![("name", "Mara"), ("town", "Oakford"), ("price", "42")];
    let text = fill(template, &slots).unwrap();
    assert_eq!(text, "You are Mara of Oakford. It costs 42");
    assert_eq!(read(template, &text).unwrap(), slots);
}

#[test]
fn other_texts_and_missing_values_are_refused() {
    let template = "You are {name} of {town}.";
    for text in
        ["", "You are Mara of Oakford", "You are  of .", "I am Mara of Oakford.", "You are Mara of Oakford. Yes"]
    {
        assert_eq!(read(template, text), None, "{text:?}");
    }
    assert_eq!(fill(template, &vec![("name", "Mara")]), None);
}
