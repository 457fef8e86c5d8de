//! Whole runs: each filter with what it keeps and what it drops.

use std::fs;

use serde_json::json;

use super::{Made, Rule, Scripted, Teacher, made, run, settings};
use crate::GenerateError;
use crate::autoif::{DPO_FILE, Settings};

const RULE: &str = "Say alpha.";
const VALIDATED: &str = "3-cross-validated.jsonl";
const ALPACA: &str = "9-alpaca.jsonl";

fn alpha() -> Rule {
    Rule::alpha(RULE)
}

/// Whether the rule is left after `file`'s stage.
fn is_left(rule: Rule, settings: &Settings, file: &str) -> bool {
    made(vec![rule], settings).left(file).contains(RULE)
}

#[test]
fn one_rule_goes_through_all_stages() {
    let made = made(vec![alpha()], &settings());
    for file in [
        "1-instructions",
        "2-functions",
        "3-cross-validated",
        "4-back-translated",
        "5-uncontradicted",
        "6-responses",
        "7-verified",
        "8-scored",
    ] {
        assert!(made.left(&format!("{file}.jsonl")).contains(RULE), "{file}");
    }
    let query = made.lines("8-scored.jsonl")[0]["query"].as_str().unwrap().to_owned();
    let asked = format!("{query} {RULE}");
    assert_eq!(
        made.lines(ALPACA),
        [json!({ "instruction": asked, "input": "", "output": "An alpha.", "history": [] })]
    );
    let turn = |role: &str, text: &str| json!([{ "role": role, "content": text }]);
    let pair = json!({ "prompt": turn("user", &asked), "chosen": turn("assistant", "An alpha."), "rejected": turn("assistant", "A beta.") });
    assert_eq!(made.lines(DPO_FILE), [pair]);
    let example = json!([{ "role": "user", "content": asked }, { "role": "assistant", "content": "An alpha." }]);
    let examples: Vec<_> = made.lines("examples.jsonl").into_iter().map(|mut line| line["messages"].take()).collect();
    assert_eq!(examples, [example]);
    let published: Vec<f64> = made.report.funnel.steps.iter().filter_map(|step| step.published).collect();
    assert_eq!(
        published,
        [16_928.0 / 20_000.0, 14_579.0 / 16_928.0, 13_077.0 / 14_579.0, 122_932.0 / 209_232.0, 61_492.0 / 122_932.0]
    );
}

#[test]
fn repeated_rules_and_near_ones_are_dropped() {
    let ten = "Let the second of all lines begin with the letter k.";
    let nine = "Let the second of all lines begin with the sign k.";
    let rules = ["SAY ALPHA.", RULE, "Never use the word \"dragon\".", ten, nine].map(Rule::alpha);
    let strict = |rouge_max| Settings { rouge_max, ..settings() };
    // Ten of eleven words are the same: 0.909.
    let made_at = |rouge_max| made(rules.to_vec(), &strict(rouge_max));
    let near = made_at(0.9);
    assert_eq!((near.dropped("instructions", "repeated"), near.dropped("instructions", "novelty")), (2, 1));
    assert!(near.left("1-instructions.jsonl").contains(ten) && !near.left("1-instructions.jsonl").contains(nine));
    assert_eq!(made_at(0.91).dropped("instructions", "novelty"), 0);
}

#[test]
fn a_rule_of_more_letters_than_may_be_is_dropped() {
    let letters = |letters_max| Settings { instruction_letters_max: letters_max, ..settings() };
    assert!(is_left(alpha(), &letters(10), "1-instructions.jsonl"));
    assert!(!is_left(alpha(), &letters(9), "1-instructions.jsonl"));
}

#[test]
fn three_distinct_functions_are_enough_and_two_are_not() {
    let distinct = |count: usize| {
        let mut rule = alpha();
        rule.functions.iter_mut().enumerate().for_each(|(at, source)| *source = format!("has alpha # {}", at % count));
        rule
    };
    assert!(is_left(distinct(3), &settings(), VALIDATED));
    let two = made(vec![distinct(2)], &settings());
    assert!(!two.left(VALIDATED).contains(RULE));
    assert_eq!(
        two.dropped("cross-validation", "functions-min"),
        41,
        "the seeds, of which the teacher knows nothing, too"
    );
}

#[test]
fn ten_distinct_cases_are_enough_and_nine_are_not() {
    let distinct = |count: usize| {
        let mut rule = alpha();
        let cases = rule.cases.iter_mut().flatten().enumerate();
        cases.for_each(|(at, case)| *case = (format!("alpha {}", at % count), true));
        rule
    };
    assert!(is_left(distinct(10), &settings(), VALIDATED));
    let nine = made(vec![distinct(9)], &settings());
    assert_eq!((nine.left(VALIDATED).contains(RULE), nine.dropped("cross-validation", "cases-min")), (false, 1));
}

#[test]
fn a_case_that_is_marked_wrongly_is_dropped_and_a_function_that_is_wrong_too() {
    let mut rule = alpha();
    rule.cases[0][0].1 = false;
    rule.functions[4] = "has beta".into();
    let made = made(vec![rule], &settings());
    let line = made.lines(VALIDATED).remove(0);
    assert_eq!((line["functions"].as_array().unwrap().len(), line["cases"].as_array().unwrap().len()), (4, 14));
}

#[test]
fn functions_that_agree_on_nothing_leave_no_verifier() {
    let mut rule = alpha();
    rule.cases.iter_mut().flatten().for_each(|case| case.1 = !case.1);
    let settings = Settings { own_cases: false, ..settings() };
    let made = made(vec![rule], &settings);
    assert_eq!((made.left(VALIDATED).contains(RULE), made.dropped("cross-validation", "cases-left")), (false, 1));
}

#[test]
fn a_function_that_does_not_run_is_written_again_once() {
    let mut rule = alpha();
    rule.functions[0] = "missing # 0".into();
    let made_of = |rule: &Rule, settings: &Settings| made(vec![rule.clone()], settings);
    let count = |made: &Made| made.lines(VALIDATED)[0]["functions"].as_array().unwrap().len();
    let repaired = made_of(&rule, &settings());
    assert_eq!(
        (count(&repaired), repaired.dropped("functions", "runs"), repaired.dropped("repairs", "still-unusable")),
        (5, 0, 0)
    );
    let step = repaired.report.funnel.steps.iter().find(|step| step.name == "repairs").unwrap();
    assert_eq!((step.came, step.left), (1, 1));
    let unrepaired = made_of(&rule, &Settings { repair: false, ..settings() });
    assert_eq!((count(&unrepaired), unrepaired.dropped("functions", "runs")), (4, 1));
    rule.repaired = "missing # again".into();
    let stubborn = made_of(&rule, &settings());
    assert_eq!(
        (count(&stubborn), stubborn.dropped("functions", "runs"), stubborn.dropped("repairs", "still-unusable")),
        (4, 1, 1)
    );
    let item = stubborn.items.iter().find(|item| !item.is_kept() && item.raw_text == "missing # again").unwrap();
    assert_eq!(item.dropped_by().unwrap().detail.as_deref(), Some("no module named 'string'"));
}

#[test]
fn functions_that_a_silenced_lack_makes_say_no_to_everything_do_not_outvote_the_one_that_works() {
    let mut rule = alpha();
    // Four say no whatever they are asked, so that of the cases only those that must fail would be kept.
    (0..4).for_each(|at| rule.functions[at] = format!("no # {at} except Exception"));
    rule.repaired = "no # again".into();
    let seen = made(vec![rule.clone()], &settings());
    assert!(!seen.left(VALIDATED).contains(RULE));
    assert_eq!(seen.dropped("functions", "own-cases"), 4);
    let unseen = made(vec![rule], &Settings { own_cases: false, ..settings() });
    assert_eq!(unseen.lines(VALIDATED)[0]["functions"].as_array().unwrap().len(), 5, "this is what would come of it");
}

#[test]
fn one_function_that_says_no_to_everything_falls_by_cross_validation() {
    let mut rule = alpha();
    rule.functions[0] = "no # except Exception".into();
    let made = made(vec![rule], &Settings { own_cases: false, ..settings() });
    let line = made.lines(VALIDATED).remove(0);
    assert_eq!((line["functions"].as_array().unwrap().len(), line["cases"].as_array().unwrap().len()), (4, 15));
}

#[test]
fn a_contradiction_drops_and_a_neutral_translation_does_not() {
    let related = |relation| Rule { relation, ..alpha() };
    let file = "5-uncontradicted.jsonl";
    assert!(is_left(related("entailment"), &settings(), file));
    assert!(is_left(related("neutral"), &settings(), file));
    assert!(!is_left(related("contradiction"), &settings(), file));
    assert_eq!(made(vec![related("I cannot say.")], &settings()).dropped("nli", "unjudged"), 1);
}

#[test]
fn by_the_released_code_a_contradicted_rule_is_answered_all_the_same() {
    let rule = Rule { relation: "contradiction", ..alpha() };
    let released = Settings { calls: 1, ..Settings::strict_release_compat() };
    let released = made(vec![rule.clone()], &released);
    assert_eq!((released.dropped("nli", "contradiction"), released.lines("6-responses.jsonl").len()), (1, 32));
    assert_eq!(made(vec![rule], &settings()).lines("6-responses.jsonl").len(), 0);
}

#[test]
fn a_translation_that_cannot_be_read_drops() {
    let rule = Rule { translation: "\n".into(), ..alpha() };
    assert_eq!(made(vec![rule], &settings()).dropped("back-translation", "readable"), 1);
}

/// Two functions that also want no gamma, and so many that do not.
fn divided(lax: usize) -> Rule {
    let mut rule = alpha();
    rule.functions = (0..lax).map(|at| format!("has alpha # {at}")).collect();
    rule.functions.extend((0..2).map(|at| format!("has alpha but not gamma # {at}")));
    rule.cases =
        (0..rule.functions.len()).map(|at| (0..3).map(|case| (format!("alpha {at} {case}"), true)).collect()).collect();
    rule.responses = vec!["alpha gamma".into(), "beta".into()];
    rule
}

#[test]
fn an_answer_needs_more_than_half_of_the_functions() {
    let with = |lax: usize| made(vec![divided(lax)], &Settings { functions: lax + 2, ..settings() });
    assert_eq!(with(3).lines("7-verified.jsonl").len(), 1, "three of five");
    let half = with(2);
    assert_eq!((half.lines("7-verified.jsonl").len(), half.dropped("verification", "accuracy")), (0, 2));
    let released = Settings { functions: 4, calls: 1, queries_each: 1, ..Settings::strict_release_compat() };
    assert_eq!(made(vec![divided(2)], &released).lines("7-verified.jsonl").len(), 1, "one is enough there");
}

#[test]
fn the_same_answer_to_the_same_query_counts_once() {
    let rule = Rule { responses: vec!["An alpha.".into(); 2], ..alpha() };
    let made = made(vec![rule], &settings());
    assert_eq!((made.lines("7-verified.jsonl").len(), made.dropped("verification", "repeated")), (1, 1));
}

#[test]
fn pairs_are_of_an_answer_that_passed_and_one_that_every_function_denied() {
    let pairs = |responses: [&str; 2], settings: &Settings| {
        let rule = Rule { responses: responses.map(str::to_owned).to_vec(), ..divided(3) };
        made(vec![rule], settings).lines(DPO_FILE).len()
    };
    assert_eq!(pairs(["alpha", "beta"], &settings()), 1);
    assert_eq!(pairs(["beta", "alpha gamma"], &settings()), 1, "in either order, with 0.6");
    assert_eq!(pairs(["alpha", "alpha gamma"], &settings()), 0, "both pass");
    assert_eq!(pairs(["beta", "no"], &settings()), 0, "neither passes");
    let released = Settings { response_accuracy_over: 0.0, ..settings() };
    let lax = |chosen_accuracy_min| Settings { chosen_accuracy_min, ..released.clone() };
    assert_eq!(pairs(["alpha gamma", "beta"], &lax(0.6)), 1);
    assert_eq!(pairs(["alpha gamma", "beta"], &lax(0.61)), 0);
}

#[test]
fn a_score_of_8_is_kept_and_less_is_not_and_the_released_code_wants_more_than_8() {
    let kept = |score, settings: &Settings| made(vec![Rule { score, ..alpha() }], settings).lines(ALPACA).len();
    let released = Settings { score_over: true, ..settings() };
    assert_eq!((kept("Score: 8", &settings()), kept("Score: 8", &released)), (1, 0));
    assert_eq!((kept("Score: 7.9", &settings()), kept("Score: 8.1", &released)), (0, 1));
    let unread = made(vec![Rule { score: "Fine!", ..alpha() }], &settings());
    assert_eq!((unread.lines(ALPACA).len(), unread.lines("8-scored.jsonl")[0]["score"].as_f64()), (0, Some(0.0)));
}

#[test]
fn a_run_that_was_stopped_at_any_call_pays_no_call_twice_and_ends_the_same() {
    let whole = made(vec![alpha()], &settings());
    let all = usize::try_from(whole.report.calls_paid).unwrap();
    let (folder, verifiers) = (tempfile::tempdir().unwrap(), Scripted::default());
    let mut asked = 0;
    let mut stops = 0;
    // Every part may pay a little more than the one before.
    for part in 1.. {
        let teacher = Teacher::new(vec![alpha()]);
        let (report, error) =
            run(folder.path(), &teacher, &verifiers, &settings(), Some(1200.0 + 40.0 * f64::from(part)));
        asked += teacher.calls();
        match error {
            None => break,
            Some(GenerateError::Cap { .. }) => stops += 1,
            Some(other) => panic!("{other}"),
        }
        assert_eq!(usize::try_from(report.calls_paid + report.calls_replayed).unwrap(), asked);
    }
    assert!(stops > 5, "{stops}");
    assert_eq!(asked, all);
    for name in [ALPACA, DPO_FILE, VALIDATED, "2-functions.jsonl"] {
        let read = |folder: &std::path::Path| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read(folder.path()), read(whole.folder.path()), "{name}");
    }
}
