use crate::{Measure, Score, Seen, rouge_l};

const PROMPT: &str = "The rope costs 23 gold. What is the price of the rope?";

fn score(measure: &Measure, student: &str, teacher: &str, again: Option<&str>, judged: Option<f64>) -> Option<Score> {
    let seen = Seen { prompt: PROMPT, student, teacher, teacher_again: again, judged };
    measure.score(&seen, &rouge_l, 0.5)
}

fn plain(measure: &Measure, student: &str, teacher: &str) -> (f64, bool) {
    let score = score(measure, student, teacher, None, None).unwrap();
    assert_eq!(score.bad, score.why.is_some());
    (score.quality, score.bad)
}

const RIGHT: (f64, bool) = (1.0, false);
const WRONG: (f64, bool) = (0.0, true);

#[test]
fn exact_ignores_white_space_alone() {
    assert_eq!(plain(&Measure::Exact, " Aye,\n friend ", "Aye, friend"), RIGHT);
    assert_eq!(plain(&Measure::Exact, "aye, friend", "Aye, friend"), WRONG);
    assert_eq!(plain(&Measure::Exact, "", "Aye"), WRONG);
}

#[test]
fn value_compares_numbers_within_the_tolerance_and_labels_without_case() {
    let value = Measure::Value { tolerance: 0.01 };
    assert_eq!(plain(&value, "1,000", "1000.0"), RIGHT);
    assert_eq!(plain(&value, "1005", "1000"), RIGHT);
    assert_eq!(plain(&value, "1020", "1000"), WRONG);
    assert_eq!(plain(&value, "-5", "5"), WRONG);
    assert_eq!(plain(&value, "$5", "5"), RIGHT);
    assert_eq!(plain(&value, "$5", "€5"), WRONG);
    assert_eq!(plain(&value, "Very Positive.", "very positive"), RIGHT);
    assert_eq!(plain(&value, "positive", "negative"), WRONG);
    assert_eq!(plain(&value, "", "positive"), WRONG);
    assert_eq!(plain(&value, "positive or negative", "positive"), WRONG);
    assert_eq!(plain(&value, "👍", "👎"), WRONG);
    assert_eq!(plain(&value, "👍", "👍"), RIGHT);
}

#[test]
fn fields_give_the_share_and_are_bad_when_any_is_wrong() {
    let fields = Measure::Fields { tolerance: 0.0, free: vec!["/say".into()] };
    let teacher = r#"{"item": "rope", "price": 23, "say": "Aye!"}"#;
    assert_eq!(plain(&fields, r#"{"price": 23.0, "say": "Here.", "item": "rope"}"#, teacher), RIGHT);
    let (share, bad) = plain(&fields, r#"{"item": "rope", "price": 24, "say": "Aye!"}"#, teacher);
    assert!((share - 2.0 / 3.0).abs() < 1e-9 && bad);
    let why = score(&fields, r#"{"item": "rope", "price": 24, "say": ""}"#, teacher, None, None).unwrap().why;
    assert_eq!(why.as_deref(), Some("field `/price` is wrong"));
    assert_eq!(plain(&fields, "Aye!", teacher), WRONG);
    assert_eq!(plain(&fields, &format!("```json\n{teacher}\n```"), teacher), WRONG);
    assert_eq!(plain(&fields, "I cannot.", "I  cannot."), RIGHT);
}

#[test]
fn similar_is_by_the_words_unless_a_fact_is_wrong() {
    let teacher = "The rope is 23 gold, my dear friend of old.";
    assert_eq!(plain(&Measure::Similar, teacher, teacher), RIGHT);
    assert_eq!(plain(&Measure::Similar, &teacher.replace("23", "24"), teacher), WRONG);
    assert_eq!(plain(&Measure::Similar, &teacher.replace("is", "is not"), teacher), WRONG);
    let (quality, bad) = plain(&Measure::Similar, "For 23 gold you get it.", teacher);
    assert!(quality > 0.0 && quality < 0.5 && bad);
    let score = score(&Measure::Similar, "For 23 gold you get it.", teacher, None, None).unwrap();
    assert_eq!((score.similarity, score.again), (Some(quality), None));
}

#[test]
fn self_relative_holds_the_student_to_the_teachers_own_variance() {
    let measure = Measure::SelfRelative { margin: 0.1, bad_below: 0.2 };
    let (teacher, again) = ("The rope is 23 gold.", "A rope? It costs 23 gold.");
    assert_eq!(score(&measure, again, teacher, None, None), None);
    let like_teacher = score(&measure, again, teacher, Some(again), None).unwrap();
    assert_eq!((like_teacher.quality, like_teacher.bad), (0.5, false));
    let alike = Some(rouge_l(again, teacher));
    assert_eq!((like_teacher.similarity, like_teacher.again), (alike, alike));
    let closer = score(&measure, teacher, teacher, Some(again), None).unwrap();
    assert!((closer.quality - (1.5 - rouge_l(again, teacher))).abs() < 1e-12 || closer.quality == 1.0);
    assert!(closer.quality > 0.5 && !closer.bad);
    let wrong = score(&measure, "The rope is 24 gold.", teacher, Some(again), None).unwrap();
    assert_eq!((wrong.quality, wrong.bad, wrong.why.as_deref()), (0.0, true, Some("number 23 is missing")));
    let alike = rouge_l("The rope is 24 gold.", teacher);
    assert_eq!((wrong.similarity, wrong.again), (Some(alike), Some(rouge_l(again, teacher))), "kept to be looked into");
    let far = score(&Measure::SelfRelative { margin: 0.1, bad_below: 0.9 }, again, teacher, Some(again), None).unwrap();
    assert_eq!((far.quality, far.bad), (0.5, true));
}

#[test]
fn judged_is_the_preference_unless_a_fact_is_wrong() {
    let measure = Measure::Judged { margin: 0.1, sensitivity: 0.8 };
    let teacher = "The rope is 23 gold.";
    assert_eq!(score(&measure, teacher, teacher, None, None), None);
    let of = |student: &str, judged| {
        let score = score(&measure, student, teacher, None, Some(judged)).unwrap();
        (score.quality, score.bad)
    };
    assert_eq!(of("23 gold it is.", 1.0), RIGHT);
    assert_eq!(of("23 gold it is.", 0.5), (0.5, false));
    assert_eq!(of("23 gold it is.", 0.0), WRONG);
    assert_eq!(of("24 gold it is.", 1.0), WRONG);
    assert_eq!(of("23 gold it is.", f64::NAN), WRONG);
}

#[test]
fn a_similarity_out_of_its_range_never_makes_a_quality_out_of_its_range() {
    for found in [f64::NAN, f64::INFINITY, -3.0, 7.0] {
        let seen = Seen { prompt: "", student: "a", teacher: "b", teacher_again: Some("c"), judged: None };
        for measure in [Measure::Similar, Measure::SelfRelative { margin: 0.1, bad_below: 0.1 }] {
            let score = measure.score(&seen, &|_, _| found, 0.5).unwrap();
            assert!((0.0..=1.0).contains(&score.quality), "{measure:?} {found}");
        }
    }
}

const CALL: &str = r#"{"tool_calls":[{"name":"give","arguments":{"item":"rope","count":2,"for":{"b":1,"a":[]}}}]}"#;

#[test]
fn calls_are_alike_whatever_the_order_of_their_arguments_and_the_spelling_of_numbers() {
    let same = r#"{"tool_calls": [{"arguments":{"for":{"a":[],"b":1.0},"count":2e0,"item":"rope"},"name":"give"}]}"#;
    let fields = Measure::Fields { tolerance: 0.0, free: Vec::new() };
    for measure in [Measure::Exact, Measure::Value { tolerance: 0.0 }, fields.clone(), Measure::Similar] {
        assert_eq!(plain(&measure, CALL, CALL), RIGHT, "{measure:?}");
        if measure != Measure::Similar {
            assert_eq!(plain(&measure, same, CALL), RIGHT, "{measure:?}");
        }
        for other in [CALL.replace("give", "take"), "Here is your rope.".to_owned()] {
            assert!(plain(&measure, &other, CALL).1 && plain(&measure, CALL, &other).1, "{measure:?}: {other}");
        }
    }
    for measure in [Measure::Exact, Measure::Value { tolerance: 0.0 }, fields] {
        for wrong in [CALL.replace("rope", "lamp"), CALL.replace("2,", "3,"), CALL.replace("\"item\":\"rope\",", "")] {
            assert!(plain(&measure, &wrong, CALL).1, "{measure:?}: {wrong}");
        }
    }
    assert_eq!(plain(&Measure::Value { tolerance: 0.6 }, &CALL.replace("2,", "3,"), CALL), RIGHT);
}

#[test]
fn which_function_is_called_is_a_fact_that_the_teacher_may_see_in_two_ways() {
    let measure = Measure::SelfRelative { margin: 0.1, bad_below: 0.1 };
    let (take, text) = (CALL.replace("give", "take"), "Here is your rope.");
    let judged = |student: &str, again: &str| score(&measure, student, CALL, Some(again), None).unwrap();
    assert!(!judged(CALL, CALL).bad && !judged(&take, &take).bad);
    let wrong = judged(&take, CALL);
    assert_eq!((wrong.quality, wrong.why.as_deref()), (0.0, Some("it calls take and the teacher give")));
    assert_eq!(judged(text, CALL).why.as_deref(), Some("it calls nothing and the teacher give"));
    assert_ne!(judged(text, text).why.as_deref(), Some("it calls nothing and the teacher give"));
    assert!(score(&Measure::Judged { margin: 0.1, sensitivity: 0.9 }, &take, CALL, None, Some(1.0)).unwrap().bad);
}
