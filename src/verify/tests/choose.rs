use crate::{Choice, JudgeCheck, Kind, Measure, Repeat, choose, corrupt, rouge_l, wrong_fact};

fn repeat(prompt: &str, teacher: &str, again: &str) -> Repeat {
    Repeat::of(7, prompt, [teacher, again], 0.0, &rouge_l, None)
}

/// `common` of twelve pairs are `usual`, the others `rare`.
fn twelve(common: usize, usual: (&str, &str), rare: (&str, &str)) -> Vec<Repeat> {
    (0..12).map(|at| if at < common { usual } else { rare }).map(|(left, right)| repeat("", left, right)).collect()
}

fn chosen(repeats: &[Repeat]) -> Choice {
    choose(repeats, 0.1, 0.01, false)
}

const FIXED: (&str, &str) = ("Well met, I bid you good day.", "Well met, I bid you  good day.");
const VARIES: (&str, &str) = ("Well met, I bid you good day.", "Good day to you, my friend, well met.");

#[test]
fn a_repeat_holds_no_text_but_paths() {
    let secret = r#"{"secretkey": "ringword", "n": 1}"#;
    let found = Repeat::of(7, "promptword 5", [secret, &secret.replace("ring", "other")], 0.0, &rouge_l, None);
    let log = serde_json::to_string(&found).unwrap();
    assert!(found.json && found.differing == ["/secretkey"]);
    assert!(!log.contains("ringword") && !log.contains("otherword") && !log.contains("promptword"), "{log}");
    assert_eq!(serde_json::from_str::<Repeat>(&log).unwrap(), found);
}

#[test]
fn a_repeat_says_what_two_answers_have_in_common() {
    let found = repeat("The rope is 23 gold.", "It is 23 gold.", "It is 24 gold.");
    assert!(!found.facts_agree && !found.equal && !found.value && !found.json);
    assert_eq!((found.words, found.similarity), (4.0, 0.75));
    let label = repeat("", "Yes.", "yes");
    assert!(label.value && label.same_value && !label.equal && label.facts_agree);
    assert!(repeat("", "42", "42.0").same_value && !repeat("", "42", "42").json);
    assert!(repeat("", r#"[{"name": "a", "arguments": {}}]"#, r#"[{"name": "b", "arguments": {}}]"#).tool_calls);
    assert!(!repeat("", "", "").value);
}

#[test]
fn eleven_of_twelve_alike_are_compared_word_for_word_and_ten_are_not() {
    let choice = chosen(&twelve(11, FIXED, VARIES));
    assert_eq!((choice.kind, &choice.measure), (Some(Kind::FixedWording), &Measure::Exact));
    assert_eq!(choice.why, "11 of 12 repeated answers were worded alike, so answers are compared word for word");
    let choice = chosen(&twelve(10, FIXED, VARIES));
    assert_eq!(choice.kind, Some(Kind::ShortText));
    let own = rouge_l(VARIES.1, VARIES.0);
    let Measure::SelfRelative { margin: 0.1, bad_below } = choice.measure else { panic!("{choice:?}") };
    assert!(bad_below > 0.0 && bad_below < own, "no more than what the teacher itself was seen to say: {bad_below}");
    assert!(choice.why.starts_with("only 10 of 12 repeated answers were worded alike"), "{}", choice.why);
}

#[test]
fn labels_and_numbers_are_compared_by_value_when_the_teacher_keeps_to_them() {
    let choice = chosen(&twelve(11, ("Yes.", "yes"), ("No", "Yes")));
    assert_eq!((choice.kind, choice.measure), (Some(Kind::Value), Measure::Value { tolerance: 0.01 }));
    let choice = chosen(&twelve(9, ("Yes", "Yes"), ("No", "Yes")));
    assert_eq!((choice.kind, choice.measure.label()), (Some(Kind::ShortText), "self_relative"));
    assert!(choice.why.contains("only 9 agree"), "{}", choice.why);
}

#[test]
fn json_is_compared_by_field_with_the_paths_on_which_the_teacher_varies_free() {
    let usual = (r#"{"item": "rope", "mood": "glad"}"#, r#"{"mood": "glum", "item": "rope"}"#);
    let choice = chosen(&twelve(12, usual, usual));
    assert_eq!(choice.kind, Some(Kind::Json));
    assert_eq!(choice.measure, Measure::Fields { tolerance: 0.01, free: vec!["/mood".into()] });
    assert!(choice.why.contains("/mood"), "{}", choice.why);
    let rare = (r#"{"item": "rope", "mood": "glad"}"#, r#"{"item": "rope"}"#);
    let choice = chosen(&twelve(6, usual, rare));
    assert_eq!(choice.measure, Measure::Fields { tolerance: 0.01, free: vec!["/mood?".into()] });
    let calls = (r#"[{"name": "buy", "arguments": {"n": 1}}]"#, r#"[{"name": "buy", "arguments": {"n": 1}}]"#);
    assert_eq!(chosen(&twelve(12, calls, calls)).kind, Some(Kind::ToolCalls));
}

#[test]
fn a_field_is_free_above_one_difference_in_six_pairs_and_a_noisy_one_counts() {
    let (same, other) = (r#"{"label": "good"}"#, r#"{"label": "bad"}"#);
    let choice = chosen(&twelve(10, (same, same), (same, other)));
    assert_eq!(choice.measure, Measure::Fields { tolerance: 0.01, free: Vec::new() });
    assert!(choice.why.contains("sometimes disagrees with itself on /label"), "{}", choice.why);
    let choice = chosen(&twelve(9, (same, same), (same, other)));
    assert_eq!(choice.measure, Measure::Fields { tolerance: 0.01, free: vec!["/label".into()] });
}

#[test]
fn a_tools_name_is_never_free_and_neither_is_a_whole_answer() {
    let call = |name: &str, n: u8| format!(r#"[{{"name": "{name}", "arguments": {{"n": {n}}}}}]"#);
    let (buy, sell) = (call("buy", 1), call("sell", 2));
    let choice = chosen(&twelve(12, (&buy, &sell), (&buy, &sell)));
    assert_eq!(choice.measure, Measure::Fields { tolerance: 0.01, free: vec!["/*/arguments/n".into()] });
    let choice = chosen(&twelve(12, ("[1, 2]", "[1]"), ("[]", "[]")));
    assert_eq!(choice.measure.label(), "self_relative");
}

#[test]
fn json_of_which_nothing_is_alike_is_compared_by_form_with_a_warning() {
    let level = ("{\"x\": 1, \"walls\": [1, 2]}", "{\"x\": 2, \"walls\": [5]}");
    let choice = chosen(&twelve(12, level, level));
    assert_eq!(choice.measure, Measure::Fields { tolerance: 0.01, free: vec!["/walls".into(), "/x".into()] });
    assert!(choice.why.contains("only 0.00 of the fields are alike"), "{}", choice.why);
}

#[test]
fn json_whose_prose_varies_is_text_because_fields_would_not_look_at_it() {
    let prose = (r#"{"say": "Well met, my old friend."}"#, r#"{"say": "Good day to you, traveller."}"#);
    let choice = chosen(&twelve(12, prose, prose));
    assert_eq!(choice.measure.label(), "self_relative");
    assert!(choice.why.contains("prose differs in 12"), "{}", choice.why);
}

#[test]
fn a_judge_is_believed_only_after_it_has_shown_that_it_sees() {
    let with = |tied: usize, lost: usize, changed: usize| {
        let mut repeats = twelve(12, VARIES, VARIES);
        for (at, repeat) in repeats.iter_mut().enumerate() {
            let corrupted_lost = (at < changed).then_some(at < lost);
            repeat.judge = Some(JudgeCheck { identical_tied: at < tied, again_tied_or_won: true, corrupted_lost });
        }
        repeats
    };
    let choice = choose(&with(12, 12, 12), 0.1, 0.0, true);
    let Measure::Judged { margin, sensitivity } = choice.measure else { panic!("{choice:?}") };
    assert!((margin, (sensitivity - 0.779_077_808).abs() < 1e-8) == (0.1, true), "{sensitivity}");
    let refused = |repeats: &[Repeat]| {
        let choice = choose(repeats, 0.1, 0.0, true);
        assert_eq!(choice.measure.label(), "self_relative");
        choice.why
    };
    assert!(refused(&with(10, 12, 12)).contains("the judge is not used: it tied only 10 of 12 identical pairs"));
    assert!(refused(&with(12, 9, 12)).contains("the judge is not used: it saw only 9 of 12 corrupted answers"));
    assert!(refused(&with(12, 4, 4)).contains("12 identical and 4 corrupted pairs judged, 5 of each are needed"));
    assert!(refused(&twelve(12, VARIES, VARIES)).contains("0 identical"));
    assert_eq!(choose(&with(11, 10, 12), 0.1, 0.0, true).measure.label(), "judged");
    assert!(!chosen(&with(12, 12, 12)).why.contains("judge"));
}

#[test]
fn text_is_bad_below_the_teachers_own_five_in_a_hundred() {
    let mut repeats = vec![repeat("", VARIES.0, VARIES.1); 40];
    for (at, repeat) in (0_u8..).zip(&mut repeats) {
        repeat.similarity = 0.5 + f64::from(39 - at) / 1000.0;
        repeat.words = 200.0;
    }
    let choice = chosen(&repeats);
    assert_eq!(choice.kind, Some(Kind::FreeText));
    let Measure::SelfRelative { margin: 0.1, bad_below } = choice.measure else { panic!("{choice:?}") };
    // mean - k sd with k for 40 pairs, 95 % of the answers and a confidence of 90 %.
    assert!((bad_below - 0.496131).abs() < 1e-6, "{bad_below}");
}

#[test]
fn without_repeats_text_is_taken_for_granted() {
    let choice = chosen(&[]);
    assert_eq!(choice.measure, Measure::SelfRelative { margin: 0.1, bad_below: 0.5 });
    assert!(choice.why.starts_with("only 0 of 0"), "{}", choice.why);
}

#[test]
fn a_corrupted_answer_has_a_wrong_fact_and_is_the_same_each_time() {
    let prompt = "You sell a rope for 23 gold to Borin and Mara. May I pass?";
    let of = |answer: &str| {
        let copy = corrupt(prompt, answer);
        assert_eq!(copy, corrupt(prompt, answer));
        if let Some(copy) = &copy {
            assert!(wrong_fact(prompt, copy, answer, Some(answer)).is_some(), "{copy}");
        }
        copy
    };
    assert_eq!(of("A rope for 23 gold, Borin.").as_deref(), Some("A rope for 35 gold, Borin."));
    assert_eq!(of("Well met, Borin.").as_deref(), Some("Well met, Mara."));
    assert_eq!(of("You may not pass.").as_deref(), Some("You may pass."));
    assert_eq!(of("You can't pass.").as_deref(), Some("You ca pass."));
    assert_eq!(of("The door is open.").as_deref(), Some("The door is not open."));
    assert_eq!(of("ロープは２３金貨です。").as_deref(), Some("ロープは35金貨です。"));
    assert_eq!(of("Welcome, friend."), None);
    assert_eq!(of(""), None);
}

#[test]
fn calls_in_the_proxys_own_text_are_compared_by_field_and_what_is_said_beside_them_is_free() {
    let call = |item: &str, said: &str| {
        format!(r#"{{{said}"tool_calls":[{{"name":"give","arguments":{{"item":"{item}","note":"{item}"}}}}]}}"#)
    };
    let beside = [r#""content":"Here it is, my dear friend.","#, r#""content":"Well, as you wish it so be it.","#];
    let repeats: Vec<Repeat> =
        (0..12).map(|_| repeat("x", &call("rope", beside[0]), &call("rope", beside[1]))).collect();
    assert!(repeats.iter().all(|repeat| repeat.tool_calls && !repeat.prose));
    let choice = choose(&repeats, 0.1, 0.0, false);
    let free = vec!["/content".to_owned()];
    assert_eq!((choice.kind, choice.measure), (Some(Kind::ToolCalls), Measure::Fields { tolerance: 0.0, free }));
    // Which function is called is never free.
    let other = |text: &str| text.replace("give", "take");
    let torn: Vec<Repeat> = (0..12).map(|_| repeat("x", &call("rope", ""), &other(&call("rope", "")))).collect();
    let Measure::Fields { free, .. } = choose(&torn, 0.1, 0.0, false).measure else { panic!("{torn:?}") };
    assert_eq!(free, Vec::<String>::new());
}
