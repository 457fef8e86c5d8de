use crate::self_instruct::{Settings, Thresholds, make, plan};
use crate::tests::script::{Script, begin};
use crate::{GenerateError, Item};

/// What one list of new tasks becomes: by text, the check that dropped it.
async fn judged(list: &str, thresholds: Thresholds) -> Vec<(String, Option<String>)> {
    let dir = tempfile::tempdir().unwrap();
    let list = list.to_owned();
    let script = Script::new(move |asked, at| {
        Ok(match asked {
            _ if asked.starts_with("Continue a numbered list") && at == 0 => list.clone(),
            _ if asked.starts_with("Continue a numbered list") => String::new(),
            _ if asked.starts_with("A task is a classification task") => "No".into(),
            _ => "Example 1\nInput: in\nOutput: out".into(),
        })
    });
    let mut run = begin(dir.path(), script, None);
    let settings = Settings { count: 50, round_calls: 1, thresholds, ..Settings::default() };
    make(&mut run, &settings).await.unwrap();
    let made = run.items().iter().filter(|item| item.stage == "instructions");
    made.map(|item| (item.raw_text.clone(), item.dropped_by().map(|check| check.name.clone()))).collect()
}

#[tokio::test]
async fn a_teacher_that_hardly_gives_anything_new_is_not_paid_for_ever_and_what_it_gave_is_used() {
    let dir = tempfile::tempdir().unwrap();
    // Every third call gives one new task: no five calls in a row give none.
    let script = Script::new(|asked, at| {
        Ok(match asked {
            _ if asked.starts_with("Continue a numbered list") && at % 3 == 0 => {
                format!("Sing verse{at} about ship{at} and captain{at} to harbour{at}")
            }
            _ if asked.starts_with("Continue a numbered list") => "1. 1. 1. 2. 3. 4. 5.".into(),
            _ if asked.starts_with("A task is a classification task") => "No".into(),
            _ => "Example 1\nInput: in\nOutput: out".into(),
        })
    });
    let mut run = begin(dir.path(), script, None);
    let settings = Settings { count: 30, round_calls: 3, ..Settings::default() };
    make(&mut run, &settings).await.unwrap();
    let report = run.finish(None).unwrap();
    let step = |name: &str| report.funnel.steps.iter().find(|step| step.name == name).unwrap().clone();
    assert_eq!((step("answers").came, step("instructions").left, step("examples").left), (30, 10, 10));
    assert!(
        report
            .figures
            .iter()
            .any(|(name, value)| name.starts_with("instructions short of the count") && *value == 20.0)
    );
}

async fn reason(task: &str) -> Option<String> {
    judged(task, Thresholds::default()).await.into_iter().next().unwrap().1
}

#[tokio::test]
async fn an_instruction_is_neither_too_short_nor_too_long() {
    assert_eq!(reason("Greet the king").await.as_deref(), Some("words-min"));
    assert_eq!(reason("Greet the mad king").await, None);
    let words = |count: usize| (0..count).map(|at| format!("W{at}")).collect::<Vec<_>>().join(" ");
    assert_eq!(reason(&words(150)).await, None);
    assert_eq!(reason(&words(151)).await.as_deref(), Some("words-max"));
}

#[tokio::test]
async fn what_no_character_can_be_asked_falls_and_the_words_of_the_game_stay() {
    for (task, word) in [
        ("Write a short email to the harbour master", "blacklist"),
        ("Describe an image of the burning mill", "blacklist"),
        ("3 swords, 14 shields, 2 helmets, 15 boots + 9 - 2 = 6", "not-language"),
        ("Write a program that sorts the dwarf's gems", "program"),
        ("“Farewell” is what the innkeeper should avoid saying", "first-character"),
        ("Übersetze den Spruch des alten Zwerges bitte", "first-character"),
    ] {
        assert_eq!(reason(task).await.as_deref(), Some(word), "{task}");
    }
    for task in [
        "Draw up a map seller's haggling line for fog-bound sailors",
        "Let the guide explain how to go to the file of waiting pilgrims",
        "Sell 3 swords, 14 shields, 2 helmets and 15 boots",
        "Write a programme of the spring fair in the elder's own words",
    ] {
        assert_eq!(reason(task).await, None, "{task}");
    }
}

#[tokio::test]
async fn a_list_that_begins_anew_is_split_all_the_same_and_several_tasks_in_a_line_are_none() {
    let list = "1. 1. Praise the smith in the voice of a rival\n2. 2. Warn the miller of the flood\n\
                3. Greet the queen. 2. Mourn the king. 3. Bless the ship.\n4. Ask the ferryman";
    let found = judged(list, Thresholds::default()).await;
    let found: Vec<(&str, Option<&str>)> =
        found.iter().map(|(text, reason)| (text.as_str(), reason.as_deref())).collect();
    let wanted = [
        ("Praise the smith in the voice of a rival", None),
        ("Warn the miller of the flood", None),
        ("Greet the queen. 2. Mourn the king. 3. Bless the ship.", Some("several-tasks")),
        ("Ask the ferryman", Some("words-min")),
    ];
    assert_eq!(found, wanted);
    // Smaller numbers behind the first task are its parts.
    let parts = judged(
        "Name the guild's rules in this order:\n1. no theft\n2. no lies at the table\n10. Sing of rain and rust",
        Thresholds::default(),
    )
    .await;
    assert_eq!(parts.iter().map(|(_, reason)| reason.as_deref()).collect::<Vec<_>>(), [Some("several-tasks"), None]);
}

#[tokio::test]
async fn of_a_list_that_was_cut_off_the_last_task_falls_alone() {
    let found =
        judged("Praise the smith in the voice of a rival\n10. Warn the miller of the~", Thresholds::default()).await;
    assert_eq!(found.iter().map(|(_, reason)| reason.as_deref()).collect::<Vec<_>>(), [None, Some("cut-off")]);
}

#[tokio::test]
async fn what_is_like_a_task_of_the_pool_falls_with_its_likeness() {
    // Eight and nine words; seven of them in the same order: 2 * 7 / 17 = 0.824; with five 2 * 5 / 17 = 0.588.
    let list = "Let the smith praise a dull blade loudly\n10. Let the smith praise a dull blade very quietly\n\
                11. Let the smith praise old rusty wagon wheels today";
    let found = judged(list, Thresholds::default()).await;
    let reasons: Vec<Option<&str>> = found.iter().map(|(_, reason)| reason.as_deref()).collect();
    assert_eq!(reasons, [None, Some("novelty"), None], "{found:?}");
    let loose = judged(list, Thresholds { rouge_max: 0.9, ..Thresholds::default() }).await;
    assert!(loose.iter().all(|(_, reason)| reason.is_none()), "{loose:?}");
}

/// What becomes of the examples that one task is given.
async fn examples(is_class: bool, said: &str) -> Vec<(Item, Option<String>)> {
    let dir = tempfile::tempdir().unwrap();
    let said = said.to_owned();
    let script = Script::new(move |asked, _| {
        Ok(match asked {
            _ if asked.starts_with("Continue a numbered list") => "Let the smith praise a dull blade".into(),
            _ if asked.starts_with("A task is a classification task") => if is_class { "yes." } else { "No" }.into(),
            _ => said.clone(),
        })
    });
    let mut run = begin(dir.path(), script, None);
    make(&mut run, &Settings { count: 1, round_calls: 1, ..Settings::default() }).await.unwrap();
    let made = run.items().iter().filter(|item| item.stage == "examples").cloned();
    made.map(|item| (item.clone(), item.dropped_by().map(|check| check.name.clone()))).collect()
}

#[tokio::test]
async fn degenerate_and_conflicting_examples_fall() {
    let said = "Example 1\nInput: a\nOutput: b\nExample 2\nInput: same\nOutput: same\nExample 3\nInput: c\nOutput:\n\
                Example 4\nInput: d:\nOutput: e\nExample 5\nInput: a\nOutput: b";
    let reasons: Vec<Option<String>> = examples(false, said).await.into_iter().map(|(_, reason)| reason).collect();
    let reasons: Vec<Option<&str>> = reasons.iter().map(Option::as_deref).collect();
    assert_eq!(reasons, [None, Some("echo"), Some("empty-output"), Some("unfinished"), Some("duplicate")]);
    let conflict =
        examples(true, "Class label: yes\nInput: a\nClass label: no\nInput: a\nClass label: no\nInput: b").await;
    assert!(conflict.iter().all(|(_, reason)| reason.as_deref() == Some("conflict")), "two labels for one input");
    // Without an input nothing can conflict.
    let plain = examples(false, "Output: one\nExample 2\nOutput: two").await;
    assert!(plain.len() == 2 && plain.iter().all(|(_, reason)| reason.is_none()), "{plain:?}");
}

#[tokio::test]
async fn at_most_five_examples_of_a_task_stay_and_a_cut_one_does_not() {
    let many: Vec<String> = (1..=9).map(|at| format!("Example {at}\nInput: i{at}\nOutput: o{at}")).collect();
    assert_eq!(examples(false, &many.join("\n")).await.len(), 5);
    for whole in [0, 1, 3] {
        let cut = examples(false, &format!("{}~", many[..=whole].join("\n"))).await;
        let reasons: Vec<Option<&str>> = cut.iter().map(|(_, reason)| reason.as_deref()).collect();
        assert_eq!(reasons, [vec![None; whole], vec![Some("cut-off")]].concat());
    }
    let kept = examples(true, "Class label: dull\nInput: the blade\n").await;
    let [asked, said] = kept[0].0.messages.as_slice() else { panic!("{kept:?}") };
    assert!(asked.text.contains("praise a dull blade") && asked.text.contains("the blade"), "{asked:?}");
    assert_eq!(said.text, "dull");
}

#[tokio::test]
async fn the_first_round_shows_only_human_tasks_and_later_ones_a_quarter_of_new_ones() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script::new(|asked, at| {
        Ok(if asked.starts_with("Continue") {
            format!("Task number {at} is about thing{at} and place{at} of name{at}")
        } else {
            "No".into()
        })
    });
    let mut run = begin(dir.path(), script, None);
    let settings = Settings { count: 6, round_calls: 1, human_share: 0.75, ..Settings::default() };
    make(&mut run, &settings).await.unwrap();
    let made = |item: &&Item| item.stage == "instructions";
    let of_model = |item: &Item| item.parents.iter().filter(|id| id.starts_with("test-")).count();
    let counts: Vec<(usize, usize)> =
        run.items().iter().filter(made).map(|item| (item.parents.len(), of_model(item))).collect();
    assert_eq!(counts[..4], [(8, 0), (8, 1), (8, 2), (8, 2)], "{counts:?}");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_with_key_and_value() {
    let prompts = crate::prompts::Prompts::load(None).unwrap();
    let wrong = |settings: Settings| plan(&prompts, &settings).unwrap_err().to_string();
    assert_eq!(wrong(Settings { human_share: 1.5, ..Settings::default() }), "human_share = 1.5 must lie in 0 to 1");
    assert_eq!(wrong(Settings { count: 0, ..Settings::default() }), "count = 0 must be at least 1");
    let missing = Settings { tasks: Some("nowhere.jsonl".into()), ..Settings::default() };
    assert!(
        matches!(plan(&prompts, &missing), Err(GenerateError::Io(error)) if error.to_string().contains("nowhere.jsonl"))
    );
}
