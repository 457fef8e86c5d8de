use proptest::prelude::*;

use crate::wrong_fact;

/// A shopkeeper's system text and the player's line.
const PROMPT: &str = "You are the keeper of a shop in Oakvale. You sell a rope for 23 gold and a torch for 1,000 silver. You serve \
     Borin and Mara.\nI am called Borin. What is the price of the rope?";
const TEACHER: &str = "The rope is 23 gold, Borin.";
const AGAIN: &str = "A rope, Borin? That will be 23 gold.";

fn wrong(student: &str) -> Option<String> {
    wrong_fact(PROMPT, student, TEACHER, Some(AGAIN))
}

fn alone(prompt: &str, student: &str, teacher: &str) -> Option<String> {
    wrong_fact(prompt, student, teacher, None)
}

#[test]
fn a_paraphrase_with_all_facts_is_right() {
    for student in [
        TEACHER,
        AGAIN,
        "Borin, my friend! Hand over 23 gold and this fine rope is yours.",
        "For you, Borin: 23 shiny gold pieces buys these ropes.",
        "23.0 gold for the rope, BORIN",
        "**23** gold for a *rope*, `Borin`.",
        "２３ gold for Borin's rope.",
    ] {
        assert_eq!(wrong(student), None, "{student}");
    }
}

#[test]
fn a_wrong_price_in_otherwise_equal_words_is_wrong() {
    assert_eq!(wrong("The rope is 24 gold, Borin.").as_deref(), Some("number 23 is missing"));
    assert_eq!(wrong("The rope is 230 gold, Borin.").as_deref(), Some("number 23 is missing"));
    assert_eq!(wrong("The rope is -23 gold, Borin.").as_deref(), Some("number 23 is missing"));
    assert_eq!(alone(PROMPT, "The rope is 24 gold, Borin.", TEACHER).as_deref(), Some("number 23 is missing"));
}

#[test]
fn an_extra_number_that_nobody_said_is_wrong_and_one_of_the_prompt_is_not() {
    let made_up = wrong("The rope is 23 gold, Borin, or 40 for two.");
    assert_eq!(made_up.as_deref(), Some("number 40 is in neither the prompt nor a teacher's answer"));
    assert_eq!(wrong("The rope is 23 gold, Borin, the torch 1000 silver."), None);
    let code = alone("Which room?", "Take room B13.", "Take room B12.");
    assert_eq!(code.as_deref(), Some("number b13 is in neither the prompt nor a teacher's answer"));
}

#[test]
fn numbers_are_equal_however_they_are_written() {
    let same = |teacher: &str, student: &str| {
        let prompt = format!("The price is {teacher}.");
        assert_eq!(alone(&prompt, &format!("It is {student}."), &format!("It is {teacher}.")), None, "{student}");
    };
    same("1,000", "1000");
    same("1000", "1'000");
    same("12,345,678", "12345678.00");
    same("5", "5.0");
    same("05", "5");
    same("3", "three");
    same("twelve", "12");
    same("٢٣", "23");
    same("23", "23rd");
    let other = alone("The price is 1,000.", "It is 1.", "It is 1,000.");
    assert_eq!(other.as_deref(), Some("number 1000 is missing"));
    assert!(alone("Add 1,5 please.", "It is 15.", "It is 1,5.").is_some());
}

#[test]
fn what_the_teacher_computes_twice_must_be_said_and_what_it_varies_need_not() {
    let prompt = "What are 6 times 7?";
    assert!(wrong_fact(prompt, "It is quite a lot.", "It is 42.", Some("42 it is.")).is_some());
    assert!(wrong_fact(prompt, "It is 43.", "It is 42.", Some("42 it is.")).is_some());
    assert_eq!(wrong_fact("Roll a die.", "Very well.", "I rolled 3.", Some("I rolled 5.")), None);
    assert_eq!(wrong_fact("Roll a die.", "I rolled 6.", "I rolled 3.", Some("I rolled 5.")), None);
    assert!(wrong_fact("Roll a die.", "I rolled 6.", "I rolled 3.", Some("A 3.")).is_some());
    assert_eq!(wrong_fact("Roll a die.", "I rolled 5.", "I rolled 3.", Some("I rolled 5.")), None);
}

#[test]
fn list_markers_are_no_numbers_but_an_answer_that_begins_with_one_is() {
    let prompt = "Name my tools.";
    assert_eq!(alone(prompt, "1. a saw\n2. an axe\n3) a hammer", "a saw, an axe and a hammer"), None);
    assert!(alone(prompt, "17. Nothing else.", "Nothing.").is_some());
    assert!(alone("How many?", "1.", "2.").is_some());
}

#[test]
fn a_unit_that_the_teachers_agree_on_must_follow_its_number() {
    let missing = wrong("The rope is 23 silver, Borin. Gold is dear.");
    assert_eq!(missing.as_deref(), Some("unit gold of 23 is missing"));
    assert_eq!(
        wrong_fact(
            PROMPT,
            "23 coins for that rope, Borin.",
            "23 gold, Borin, a rope.",
            Some("A rope: 23 coins, Borin.")
        ),
        None
    );
    assert!(alone("I have $5 left.", "You have €5.", "You have $5.").is_some());
    assert!(alone("It fell by 5%.", "It fell by 5.", "It fell by 5%.").is_some());
    let swapped = alone("Sell 3 ropes for 10 gold.", "Aye: 10 ropes for 3 gold.", "Aye, 3 ropes for 10 gold.");
    assert!(swapped.is_some());
    assert_eq!(alone("Sell 3 ropes.", "Three ropes, aye.", "Aye, 3 ropes."), None);
    // `One rope` is mostly `a rope`; two are two.
    assert_eq!(alone("Do you have one rope?", "Here is a rope.", "Here is one rope."), None);
    assert!(alone("Do you have two ropes?", "Here are ropes.", "Here are two ropes.").is_some());
}

#[test]
fn a_name_that_prompt_and_teacher_share_must_be_said() {
    assert_eq!(wrong("The rope is 23 gold, Mara.").as_deref(), Some("name Borin is missing"));
    assert_eq!(alone(PROMPT, "The rope is 23 gold.", TEACHER).as_deref(), Some("name Borin is missing"));
    // A second answer without it shows that it need not be said.
    assert_eq!(wrong_fact(PROMPT, "The rope is 23 gold.", TEACHER, Some("The rope? 23 gold.")), None);
    // A capital at a sentence's start, or of a word that is also written small, is no name.
    assert_eq!(
        alone("Torches are out. Ask about torches.", "Alas, we have none.", "Torches are gone, none left."),
        None
    );
    // A new name is no error by itself.
    assert_eq!(wrong("By Odin, the rope is 23 gold, Borin."), None);
}

#[test]
fn an_item_exchanged_for_another_is_wrong_once_the_teacher_has_said_it_twice() {
    assert_eq!(wrong("The torch is 23 gold, Borin.").as_deref(), Some("word rope is missing"));
    assert_eq!(alone(PROMPT, "The torch is 23 gold, Borin.", TEACHER), None);
    let wolves = "Where do the wolves hide?";
    assert_eq!(
        wrong_fact(wolves, "A wolf hides in the den.", "The wolf hides there.", Some("Wolves hide here.")),
        None
    );
    // Two long texts share words by chance.
    let long = format!("wolves {}", "and so it goes ".repeat(20));
    assert_eq!(wrong_fact(wolves, "In the den.", &long, Some(&long)), None);
}

#[test]
fn a_lost_or_an_added_negation_is_wrong_unless_the_teacher_does_both() {
    let prompt = "May I pass?";
    assert_eq!(alone(prompt, "You may pass.", "You may not pass.").as_deref(), Some("a negation is missing"));
    assert_eq!(alone(prompt, "You may never pass.", "You may pass.").as_deref(), Some("a negation is added"));
    assert_eq!(alone(prompt, "You can’t pass.", "You may not pass."), None);
    assert_eq!(alone(prompt, "Nobody passes.", "You cannot pass."), None);
    assert_eq!(wrong_fact(prompt, "Pass.", "You may pass.", Some("No reason to stop you.")), None);
    assert!(wrong_fact(prompt, "Pass.", "You may not pass.", Some("No.")).is_some());
}

#[test]
fn other_scripts_keep_their_numbers_and_borrowed_names() {
    let prompt = "あなたは店主です。ロープは23金貨です。値段はいくらですか。";
    let teacher = "ロープは23金貨でございます。";
    assert_eq!(alone(prompt, "ロープですね、23金貨になります。", teacher), None);
    assert_eq!(alone(prompt, "ロープは24金貨でございます。", teacher).as_deref(), Some("number 23 is missing"));
    assert!(wrong_fact(prompt, "ランプは23金貨です。", teacher, Some(teacher)).is_some());
    assert_eq!(alone("Сколько стоит верёвка?", "Верёвка стоит 23 монеты.", "Стоит 23 монеты верёвка."), None);
    assert!(alone("Цена: 23 монеты", "24 монеты", "23 монеты").is_some());
    assert_eq!(alone("السعر ٢٣", "23", "٢٣"), None);
}

#[test]
fn empty_answers_are_only_wrong_where_a_fact_is_missing() {
    assert_eq!(alone("", "", ""), None);
    assert_eq!(alone("Hi", "", "Hello there"), None);
    assert_eq!(wrong("").as_deref(), Some("number 23 is missing"));
    assert_eq!(
        alone("What?", "Some 5.", "").as_deref(),
        Some("number 5 is in neither the prompt nor a teacher's answer")
    );
}

proptest! {
    #[test]
    fn any_texts_are_read_and_the_teachers_own_answer_has_no_wrong_fact(
        prompt in "\\PC{0,60}", teacher in "[a-zA-Z0-9 .,'%$\u{e01}ー漢\n-]{0,60}", again in "\\PC{0,60}",
    ) {
        prop_assert_eq!(wrong_fact(&prompt, &teacher, &teacher, None), None);
        prop_assert_eq!(wrong_fact(&prompt, &teacher, &teacher, Some(&again)), None);
        prop_assert_eq!(wrong_fact(&prompt, &again, &again, None), None);
        prop_assert!(wrong_fact(&prompt, &again, &teacher, Some(&prompt)).is_none_or(|why| !why.is_empty()));
    }
}

#[test]
fn one_as_a_word_need_not_be_kept_and_a_common_word_with_a_capital_is_no_name() {
    let prompt = "Sell me one, or two, The Crown asks.";
    assert_eq!(wrong_fact(prompt, "You may have it.", "You may have one.", Some("You may have one.")), None);
    assert!(wrong_fact(prompt, "You may have them.", "You may have two.", Some("You may have two.")).is_some());
    let teacher = "Yes, The rope is here.";
    assert_eq!(wrong_fact(prompt, "Yes, a rope is here.", teacher, Some(teacher)), None);
}
