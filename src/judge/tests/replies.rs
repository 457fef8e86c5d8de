//! What a judge may write around, in and instead of its verdict.

use super::script::answer;
use crate::preference::Said;
use crate::{Better, Outcome, Preference, Rubric};

/// The outcome if the judge said `text` with the student first and `B` with it second.
fn first_order(text: &str) -> Result<Better, String> {
    let said = Said::read(&answer(text)).map_err(|error| error.to_string())?;
    let second = Said::read(&answer("{\"better\":\"B\"}")).unwrap();
    Ok(Preference::of([said, second], 0.0).orders[0])
}

#[test]
fn fences_words_and_letter_case_around_a_verdict_are_no_hindrance() {
    for text in [
        "{\"better\": \"A\", \"reason\": \"short\"}",
        "```json\n{\"better\": \"a\"}\n```",
        "Here is my verdict {as asked}: {\"Better\": \"Answer A\", \"Reason\": \"in {braces}\"} Good luck!",
        " {\"BETTER\":\" answer_a \"}",
        "{\"better\":\"A\"}\n{\"better\":\"A\", \"reason\": \"again\"}",
        "{ { {\"better\": \"A.\"}",
        "{\"better\": \"A\", \"otherwise\": {\"better\": \"B\"}}",
    ] {
        assert_eq!(first_order(text), Ok(Better::A), "{text}");
    }
    assert_eq!(first_order("{\"better\":\"TIE\"}"), Ok(Better::Tie));
    assert_eq!(first_order("{\"better\":\"b\"}"), Ok(Better::B));
}

#[test]
fn what_is_no_verdict_is_called_by_its_fault() {
    for (text, fault) in [
        ("", "no JSON object with the key `better`"),
        ("A", "no JSON object with the key `better`"),
        ("{\"winner\": \"A\"}", "no JSON object with the key `better`"),
        ("{\"better\": \"A\" | \"B\" | \"tie\"}", "no JSON object with the key `better`"),
        ("{\"better\": \"C\"}", "`better` is \"C\" and must be"),
        ("{\"better\": 1}", "`better` is 1 and must be"),
        ("{\"better\": \"both\"}", "`better` is \"both\" and must be"),
        ("{\"better\":\"A\"} no: {\"better\":\"B\"}", "several JSON objects that differ in `better`"),
    ] {
        let said = first_order(text).unwrap_err();
        assert!(said.contains(fault), "{text}: {said}");
    }
    let long = first_order(&"é{".repeat(50_000)).unwrap_err();
    assert!(long.len() < 1000, "a long answer is quoted in part");
}

#[test]
fn only_a_win_in_both_orders_is_a_win_and_only_a_loss_in_both_a_loss() {
    let said = |better: &str| Said::read(&answer(&format!("{{\"better\":\"{better}\"}}"))).unwrap();
    for first in ["A", "B", "tie"] {
        for second in ["A", "B", "tie"] {
            let outcome = Preference::of([said(first), said(second)], 0.0).outcome;
            let expected = match (first, second) {
                ("A", "B") => Outcome::Student,
                ("B", "A") => Outcome::Teacher,
                _ => Outcome::Tie,
            };
            assert_eq!(outcome, expected, "{first} {second}");
        }
    }
}

fn rated(persona: u8, lore: u8, responsiveness: u8, usefulness: &str) -> Result<Rubric, String> {
    let text = format!(
        "Sure!\n```\n{{\"Persona\": {{\"Score\": {persona}, \"evidence\": \"e\"}}, \"lore\": {{\"score\": {lore}}}, \
         \"responsiveness\": {responsiveness}, \"usefulness\": {usefulness}, \"style\": 3, \"safety\": 10}}\n```"
    );
    Rubric::read(&answer(&text)).map_err(|error| error.to_string())
}

#[test]
fn an_answer_is_bad_by_persona_lore_or_responsiveness_alone() {
    assert!(!rated(5, 5, 5, "0").unwrap().is_bad());
    assert!(rated(4, 9, 9, "9").unwrap().is_bad());
    assert!(rated(9, 4, 9, "9").unwrap().is_bad());
    assert!(rated(9, 9, 4, "9").unwrap().is_bad());
}

#[test]
fn a_score_that_is_missing_or_out_of_range_is_named() {
    for wrong in ["11", "-1", "4.5", "\"7\"", "null", "{\"evidence\": \"none\"}"] {
        let said = rated(5, 5, 5, wrong).unwrap_err();
        assert!(said.contains("the score of `usefulness` is") && said.contains("0 to 10"), "{wrong}: {said}");
    }
    assert!(Rubric::read(&answer("{\"persona\": 5}")).unwrap_err().to_string().contains("`lore` is null"));
}
