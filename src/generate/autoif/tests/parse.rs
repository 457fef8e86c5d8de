use proptest::prelude::*;

use crate::autoif::Relation;
use crate::autoif::parse::{function, instructions, relation, score, translation};

#[test]
fn a_list_is_read_in_every_usual_form() {
    let text = "Here are the rules:\n\n1. Use  two words.\n2) \"Avoid commas.\"\n- **Write in verse.**\n* Say \"alpha\" twice\n```\n# More\n12 words at most.";
    let read = ["Use two words.", "Avoid commas.", "Write in verse.", "Say \"alpha\" twice", "12 words at most."];
    assert_eq!(instructions(text), read);
}

#[test]
fn a_rule_in_quotation_marks_that_quotes_itself_keeps_them() {
    assert_eq!(instructions("\"alpha\" and \"beta\""), ["\"alpha\" and \"beta\""]);
}

#[test]
fn a_function_is_found_in_fences_and_behind_other_braces() {
    let text = "Sure {of it}! ```json\n{\"func\": \"```python\\ndef evaluate(response):\\n    return True\\n```\", \"cases\": [{\"input\": \"a\", \"output\": \"True\"}, {\"input\": \"b\", \"output\": false}, {\"input\": 1, \"output\": true}, {\"input\": \"c\", \"output\": 1}]}\n```";
    let (source, cases) = function(text).unwrap();
    assert_eq!(source, "def evaluate(response):\n    return True");
    let cases: Vec<(&str, bool)> = cases.iter().map(|case| (case.input.as_str(), case.output)).collect();
    assert_eq!(cases, [("a", true), ("b", false)]);
}

#[test]
fn json_without_a_function_is_none() {
    assert_eq!(function("{\"cases\": []}"), None);
    assert_eq!(function("{\"func\": 3}"), None);
    assert_eq!(function("{\"func\": \"cut o"), None);
}

#[test]
fn a_million_brackets_cost_no_time() {
    assert_eq!(function(&"{".repeat(1 << 20)), None);
}

#[test]
fn the_first_of_the_three_words_counts() {
    assert_eq!(relation("**Contradiction.** Not neutral."), Some(Relation::Contradiction));
    assert_eq!(relation("It is neutral"), Some(Relation::Neutral));
    assert_eq!(relation("ENTAILMENT"), Some(Relation::Entailment));
    assert_eq!(relation("The rules match."), None);
}

#[test]
fn the_last_score_counts_and_only_from_0_to_10() {
    assert_eq!(score("Score: 3 at first.\n**Score: 8**"), Some(8.0));
    assert_eq!(score("score = 7.5."), Some(7.5));
    assert_eq!(score("Score: 10/10"), Some(10.0));
    assert_eq!(score("Score: 0"), Some(0.0));
    for none in ["Score: 11", "Score: high", "A fine answer.", "Score: -2", ""] {
        assert_eq!(score(none), None, "{none}");
    }
}

#[test]
fn a_translation_is_the_first_line_that_is_one() {
    assert_eq!(translation("The rule is:\n\"Use two words.\"\nBye").as_deref(), Some("Use two words."));
    assert_eq!(translation("\n\n"), None);
}

proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in "(?s).{0,200}|[{}\"\\[\\]:,a-z0-9 score\n\\\\]{0,300}") {
        let _read = (instructions(&text), function(&text), relation(&text), score(&text), translation(&text));
    }
}
