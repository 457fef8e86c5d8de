//! Seeds, files of queries, settings.

use std::collections::BTreeSet;
use std::fs;

use crate::autoif::seeds::{instructions, queries};
use crate::autoif::{Settings, plan};
use crate::prompts::Prompts;

const LETTERS: (usize, usize) = (20, 300);

#[test]
fn at_least_36_instructions_and_60_queries_are_built_in_and_none_twice() {
    let texts: BTreeSet<String> = instructions(None).unwrap().into_iter().map(|one| one.text.to_lowercase()).collect();
    assert!(texts.len() >= 36 && texts.len() == instructions(None).unwrap().len());
    let (built_in, refused) = queries(None, LETTERS).unwrap();
    assert!(built_in.len() >= 60 && refused.is_empty());
    assert_eq!(
        built_in.len(),
        include_str!("../../../../seeds/autoif/queries.jsonl").lines().count(),
        "each fits the limits"
    );
}

/// A refused line and why.
type Line = (usize, String);

/// The queries of a file of `bytes`, or the error, and the refused lines.
fn read(bytes: &[u8]) -> Result<(Vec<String>, Vec<Line>), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queries.jsonl");
    fs::write(&path, bytes).unwrap();
    let (queries, refused) = queries(Some(&path), LETTERS).map_err(|error| error.to_string())?;
    Ok((queries, refused.into_iter().map(|line| (line.line, line.reason)).collect()))
}

#[test]
fn both_forms_are_read_and_a_conversation_gives_its_first_question() {
    let file = "\u{feff}{\"query\": \"Who can mend a broken sword?\"}\n{\"id\": 1, \"conversations\": [{\"from\": \"gpt\", \"value\": \"Hello there, my friend!\"}, {\"from\": \"human\", \"value\": \"Where is the old mill of Oakford?\"}, {\"from\": \"human\", \"value\": \"And how far is it to there?\"}]}\n";
    let (queries, refused) = read(file.as_bytes()).unwrap();
    assert_eq!(queries, ["Who can mend a broken sword?", "Where is the old mill of Oakford?"]);
    assert_eq!(refused, []);
}

#[test]
fn a_query_of_20_letters_is_too_short_and_one_of_300_too_long() {
    let line = |letters: usize| format!("{{\"query\": \"{}\"}}\n", "é".repeat(letters));
    let file = [20, 21, 299, 300].map(line).concat();
    let (queries, _) = read(file.as_bytes()).unwrap();
    let letters: Vec<usize> = queries.iter().map(|query| query.chars().count()).collect();
    assert_eq!(letters, [21, 299]);
}

#[test]
fn a_repeated_query_counts_once() {
    let (queries, _) = read("{\"query\": \"Who can mend a broken sword?\"}\n".repeat(3).as_bytes()).unwrap();
    assert_eq!(queries.len(), 1);
}

#[test]
fn what_cannot_be_read_is_refused_by_its_line_and_the_rest_is_used() {
    let mut file = b"{\"query\": \"Who can mend a broken sword?\"}\n".to_vec();
    file.extend(format!("{{\"query\": \"{}\"}}\n", "x".repeat(5 << 20)).bytes());
    file.extend(b"{\"query\": \"broken\n");
    file.extend(b"{\"query\": \"Was kostet der K\xf6nigsmantel in Gold?\"}\n");
    file.extend(b"{\"conversations\": [{\"from\": \"gpt\", \"value\": \"Only an answer stands in here.\"}]}\n");
    file.extend(b"\xff\xfe{\x00\"\x00\n");
    let (queries, refused) = read(&file).unwrap();
    assert_eq!(queries, ["Who can mend a broken sword?"]);
    let lines: Vec<usize> = refused.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 6, 0]);
    assert!(refused[0].1.contains("longer than"), "{refused:?}");
    assert!(refused[2].1.contains("UTF-8"), "{refused:?}");
    assert!(refused[4].1.contains("1 records have neither"), "{refused:?}");
}

#[test]
fn a_file_without_a_query_ends_the_run_with_what_is_wanted() {
    assert!(read(b"").unwrap_err().contains("no query of more than 20 and fewer than 300 letters"));
    assert!(read(b"{\"query\": \"short\"}\n").is_err());
    assert!(
        queries(Some(std::path::Path::new("/nowhere/queries.jsonl")), LETTERS)
            .unwrap_err()
            .to_string()
            .contains("/nowhere")
    );
}

#[test]
fn own_instructions_are_lines_and_none_is_taken_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.txt");
    fs::write(&path, "\u{feff}Use no comma.\r\n\n  Answer in verse. \nuse no comma.\n").unwrap();
    let texts: Vec<String> = instructions(Some(&path)).unwrap().into_iter().map(|one| one.text).collect();
    assert_eq!(texts, ["Use no comma.", "Answer in verse."]);
    fs::write(&path, " \n").unwrap();
    assert!(instructions(Some(&path)).unwrap_err().to_string().contains("rules.txt holds no instruction"));
    fs::write(&path, b"\xff\xfe").unwrap();
    assert!(instructions(Some(&path)).unwrap_err().to_string().contains("rules.txt"));
}

#[test]
fn each_unusable_setting_is_named() {
    let default = Settings::default;
    let bad = [
        ("calls", Settings { calls: 0, ..default() }),
        ("responses", Settings { responses: 0, ..default() }),
        ("scores", Settings { scores: 0, ..default() }),
        ("rouge_max", Settings { rouge_max: 1.1, ..default() }),
        ("case_agreement_over", Settings { case_agreement_over: f64::NAN, ..default() }),
        ("function_accuracy_min", Settings { function_accuracy_min: -0.1, ..default() }),
        ("score_min", Settings { score_min: 10.5, ..default() }),
        ("verifier_limit_ms", Settings { verifier_limit_ms: 0, ..default() }),
        ("functions", Settings { functions: 2, ..default() }),
    ];
    for (key, settings) in bad {
        let error = settings.check().unwrap_err().to_string();
        assert!(error.starts_with(key), "{key}: {error}");
    }
    for good in [default(), Settings::strict_release_compat(), Settings { functions: 3, score_min: 10.0, ..default() }]
    {
        good.check().unwrap();
    }
}

#[test]
fn the_preset_has_the_released_codes_values() {
    let released = Settings::strict_release_compat();
    assert_eq!((released.functions_min, released.cases_min, released.function_accuracy_min), (3, 10, 0.8));
    assert_eq!((released.case_agreement_over, released.response_accuracy_over), (0.0, 0.0));
    assert_eq!((released.score_min, released.score_over), (8.0, true));
    assert_eq!((released.queries_each, released.query_letters, released.queries_before_nli), (16, (20, 300), true));
    assert!(!released.repair && !released.own_cases);
}

#[test]
fn the_plan_follows_the_seeds_funnel() {
    let prompts = Prompts::load(None).unwrap();
    let plan = plan(&prompts, &Settings::default(), "All of it.").unwrap();
    let calls: Vec<(&str, u64)> = plan.iter().map(|stage| (stage.stage.as_str(), stage.calls)).collect();
    // 40 seeds and 16,928 new ones; 0.8612 of them, 0.8970 of those, 16 answers each, 0.5875 of which are scored.
    let wanted = [
        ("instructions", 400),
        ("functions", 84_840),
        ("back-translation", 43_839),
        ("nli", 43_839),
        ("responses", 209_712),
        ("scores", 123_214),
    ];
    assert_eq!(calls, wanted);
}
