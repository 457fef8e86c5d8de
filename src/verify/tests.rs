mod binomial;
mod calibration;
mod choose;
mod facts;
mod fields;
mod prompt_key;
mod score;
mod thresholds;
mod tools;
mod verifiers;

use wire::{Answer, Finish, Prompt, Sampling, Signals, Usage};

use crate::Comparison;
use crate::similarity::rouge_l;
use crate::verifier::NAMES;
use crate::{Measure, Repeat, Verdict, Verifier, VerifierSettings, Verifiers};

fn failed(rules: &VerifierSettings, text: &str, finish: Finish) -> Option<&'static str> {
    let answer = Answer::new(text, finish, Usage::default(), Signals::default());
    let prompt = Prompt::new(Vec::new(), 9, Sampling::Greedy);
    match Verifiers::new(rules).unwrap().check(&prompt, &answer) {
        Verdict::Pass => None,
        Verdict::Fail(name) => {
            assert!(NAMES.contains(&name), "{name} is not in the list");
            Some(name)
        }
    }
}

#[test]
fn each_verifier_refuses_what_it_is_for_and_nothing_else() {
    let plain = VerifierSettings::default();
    assert_eq!(failed(&plain, "Aye, ten gold for the rope.", Finish::Stop), None);
    assert_eq!(failed(&plain, "Aye, ten gold for", Finish::Length), Some("cut-off"));
    assert_eq!(failed(&plain, "  \n", Finish::Stop), Some("empty"));
    assert_eq!(failed(&plain, "I am just an AI, friend.", Finish::Stop), Some("forbidden-phrase"));
    assert_eq!(failed(&plain, "I am an aide to the king.", Finish::Stop), None);
    assert_eq!(
        failed(&VerifierSettings { in_character: false, ..plain.clone() }, "As an AI I pass.", Finish::Stop),
        None
    );
    assert_eq!(
        failed(&VerifierSettings { words_max: 2, ..plain.clone() }, "one two three", Finish::Stop),
        Some("too-long")
    );
    assert_eq!(failed(&VerifierSettings { words_max: 3, ..plain.clone() }, "one two three", Finish::Stop), None);
    assert_eq!(failed(&VerifierSettings { json: true, ..plain.clone() }, "{\"a\":1", Finish::Stop), Some("not-json"));
    assert_eq!(failed(&VerifierSettings { json: true, ..plain.clone() }, " {\"a\":1} ", Finish::Stop), None);
    let price =
        VerifierSettings { must_match: vec![r"\d+ gold".into()], must_not_match: vec!["Dollar".into()], ..plain };
    assert_eq!(failed(&price, "It costs 12 gold.", Finish::Stop), None);
    assert_eq!(failed(&price, "It is free.", Finish::Stop), Some("missing-phrase"));
    assert_eq!(failed(&price, "12 gold or a dollar.", Finish::Stop), Some("forbidden-phrase"));
}

#[test]
fn a_bad_expression_names_its_key() {
    let rules = VerifierSettings { must_match: vec!["(".into()], ..VerifierSettings::default() };
    assert!(Verifiers::new(&rules).unwrap_err().to_string().starts_with("`must_match`"));
}

#[test]
fn rouge_l_equals_the_golden_vectors() {
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found}");
    near(rouge_l("Ask the blacksmith for a better sword.", "Ask the blacksmith for a cheaper sword"), 0.857143);
    near(rouge_l("Describe the village elder", "Write a rumor about the old mill"), 0.181818);
    near(rouge_l("", "x"), 0.0);
}

#[test]
fn rouge_l_takes_letters_of_scripts_without_spaces_for_words() {
    assert_eq!(rouge_l("縄は金貨です。", "縄は金貨です"), 1.0);
    let near = rouge_l("縄は二十三金貨です", "縄は二十四金貨です");
    assert!((near - 16.0 / 18.0).abs() < 1e-9, "{near}");
    assert_eq!(rouge_l("ราคา", "ราคา"), 1.0);
    assert_eq!(rouge_l("веревка стоит", "Веревка стоит!"), 1.0);
}

#[test]
fn texts_without_letters_are_alike_when_they_are_equal() {
    assert_eq!((rouge_l("...", " ...\n"), rouge_l("👍", "👍")), (1.0, 1.0));
    assert_eq!(
        (rouge_l("...", "!!!"), rouge_l("", ""), rouge_l("...", "aye"), rouge_l(" ", "\n")),
        (0.0, 0.0, 0.0, 0.0)
    );
}

#[test]
fn a_named_measure_is_given_and_the_others_are_chosen() {
    let given = |comparison: Comparison| comparison.given(0.1);
    assert_eq!(given(Comparison::Exact), Some(Measure::Exact));
    assert_eq!(given(Comparison::Value), Some(Measure::Value { tolerance: 0.1 }));
    assert_eq!(given(Comparison::Json), Some(Measure::Fields { tolerance: 0.1, free: vec![] }));
    assert_eq!(given(Comparison::Similar), Some(Measure::Similar));
    let alike = |_: &str, _: &str| 0.5;
    let repeat = |key| Repeat::of(key, "say", ["the same", "the same"], 0.0, &alike, None);
    let repeats: Vec<Repeat> = (0..12).map(repeat).collect();
    let chosen = |comparison: Comparison| {
        assert_eq!(given(comparison), None);
        comparison.choose(&repeats, 0.05, 0.0, false).measure.label()
    };
    assert_eq!(chosen(Comparison::Auto), "value");
    assert_eq!((chosen(Comparison::SelfRelative), chosen(Comparison::Judged)), ("self_relative", "self_relative"));
}

#[test]
fn confidence_is_the_least_sure_tokens_probability() {
    let confident = |min_logprob| crate::confidence::confidence(&Signals { min_logprob, ..Signals::default() });
    assert!((confident(-std::f32::consts::LN_2) - 0.5).abs() < 1e-6);
    assert_eq!((confident(0.0), confident(f32::NEG_INFINITY)), (1.0, 0.0));
}
