use wire::{Prompt, Role, Sampling, Turn};

use crate::prompt_key::{key, near_key, text};

fn prompt(turns: &[(Role, &str)]) -> Prompt {
    let turns = turns.iter().map(|(role, text)| Turn { role: *role, text: (*text).to_owned() }).collect();
    Prompt::new(turns, 9, Sampling::Greedy)
}

#[test]
fn a_key_never_changes() {
    assert_eq!(key(&prompt(&[(Role::System, "Be kind."), (Role::User, "Hi")])), KEY);
    assert_eq!(near_key(&prompt(&[(Role::User, "Order 12, Now")]), "Aye"), NEAR);
}

// tests/oracle/prompt_key.py
const KEY: u64 = 14_581_241_095_503_787_113;
const NEAR: u64 = 5_111_516_744_916_651_952;

#[test]
fn a_key_is_of_the_roles_and_texts_alone() {
    let one = prompt(&[(Role::User, "a b")]);
    let mut limits = prompt(&[(Role::User, "\n a b ")]);
    limits.max_tokens = 100;
    assert_eq!(key(&one), key(&limits));
    for other in [&[(Role::User, "a  b")][..], &[(Role::System, "a b")], &[(Role::User, "a"), (Role::User, "b")], &[]] {
        assert_ne!(key(&one), key(&prompt(other)), "{other:?}");
    }
}

#[test]
fn prompts_that_differ_in_a_counter_are_near_only_when_the_answer_is_the_same() {
    let at = |text: &str| prompt(&[(Role::User, text)]);
    let near = |text: &str, answer: &str| near_key(&at(text), answer);
    let first = near("[12:30:05] Buy  a rope, order #17", "Order 17: a rope.");
    assert_eq!(first, near("[12:31:59] buy a rope, order #18", "order 18: A rope."));
    assert_ne!(first, near("[12:31:59] Buy a torch, order #18", "Order 18: a rope."));
    assert_ne!(first, near("[12:30:05] Buy a rope, order #17", "Order 17: no rope."));
    assert_ne!(key(&at("order 17")), key(&at("order 18")));
}

#[test]
fn the_text_of_a_prompt_is_its_turns_one_below_the_other() {
    assert_eq!(text(&prompt(&[(Role::System, "Be kind."), (Role::User, "Hi")])), "Be kind.\nHi");
}
