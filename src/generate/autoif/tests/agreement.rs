use crate::autoif::agreement::{Held, accuracy, denies_itself, held, unsupported};
use crate::autoif::parse::Case;
use crate::autoif::{Settings, Verdict};

/// `y`, `n`, `f` (fails) for each case, a row a function.
fn matrix(rows: &[&str]) -> Vec<Vec<Verdict>> {
    let of = |letter| match letter {
        'y' => Verdict::Yes,
        'n' => Verdict::No,
        _ => Verdict::Failed(String::new()),
    };
    rows.iter().map(|row| row.chars().map(of).collect()).collect()
}

/// Cases that must all pass.
fn cases(count: usize) -> Vec<Case> {
    (0..count).map(|at| Case { input: at.to_string(), output: true }).collect()
}

#[test]
fn a_case_needs_more_than_half_of_the_functions() {
    // Three of five, two of five; and of four just half.
    let found = held(&matrix(&["yy", "yy", "yn", "nn", "nn"]), &cases(2), &Settings::default());
    assert_eq!(found.cases, [0]);
    let found = held(&matrix(&["yy", "yy", "yn", "nn"]), &cases(2), &Settings::default());
    assert_eq!(found.cases, [0]);
}

#[test]
fn by_the_released_code_one_function_is_enough_for_a_case() {
    let found = held(&matrix(&["yn", "nn", "nn"]), &cases(2), &Settings::strict_release_compat());
    assert_eq!(found.cases, [0]);
}

#[test]
fn a_function_needs_four_fifths_of_the_cases_that_are_kept() {
    let found = held(&matrix(&["yyyyy", "yyyyy", "yyyyn", "yyynn"]), &cases(5), &Settings::default());
    assert_eq!(found, Held { cases: vec![0, 1, 2, 3], functions: vec![0, 1, 2] });
    // The fifth case has two of four; with a fifth function it is kept, and the third function has just 0.8.
    let found = held(&matrix(&["yyyyy", "yyyyy", "yyyyn", "yyynn", "yyyyy"]), &cases(5), &Settings::default());
    assert_eq!(found, Held { cases: vec![0, 1, 2, 3, 4], functions: vec![0, 1, 2, 4] });
}

#[test]
fn a_function_that_fails_agrees_with_no_case_of_either_kind() {
    let mut both = cases(2);
    both[1].output = false;
    let found = held(&matrix(&["ff", "yn", "ff"]), &both, &Settings::default());
    assert_eq!(found, Held::default());
}

#[test]
fn nothing_is_held_without_cases() {
    assert_eq!(held(&matrix(&["", ""]), &[], &Settings::default()), Held::default());
}

#[test]
fn an_answer_is_refuted_only_when_every_function_has_said_no() {
    let of = |row: &str| accuracy(matrix(&[row]).remove(0).iter());
    assert_eq!((of("yyyn").share, of("yyyn").refuted), (0.75, false));
    assert_eq!((of("nn").share, of("nn").refuted), (0.0, true));
    assert_eq!((of("nf").share, of("nf").refuted), (0.0, false), "what fails has said nothing");
    assert_eq!((of("yf").share, of("yf").refuted), (0.5, false), "and passes nothing");
    assert_eq!((of("").share, of("").refuted), (0.0, false));
}

#[test]
fn a_function_denies_itself_when_it_says_no_to_what_it_states_as_passed_and_to_all_else() {
    let mut mixed = cases(3);
    mixed[1].output = false;
    let denies = |row: &str, cases: &[Case]| denies_itself(&matrix(&[row])[0], cases);
    assert!(denies("nnn", &mixed));
    assert!(!denies("ynn", &mixed));
    assert!(!denies("nnf", &mixed), "a failure is no no");
    mixed.iter_mut().for_each(|case| case.output = false);
    assert!(!denies("nnn", &mixed), "it never said that one passes");
}

#[test]
fn the_first_lack_is_the_one_that_is_told() {
    let said = [Verdict::Yes, Verdict::Unsupported("a".into()), Verdict::Unsupported("b".into())];
    assert_eq!(unsupported(&said), Some("a"));
    assert_eq!(unsupported(&said[..1]), None);
}
