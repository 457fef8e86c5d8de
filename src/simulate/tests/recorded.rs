//! Tiny recorded histories.

use callsite::{SiteId, VersionId};
use handover::{Audit, AuditOutcome, Basis, Candidate, Cause, Numbers, Policy, Record, State, Switch};
use verify::Measure;

use crate::*;

const JSONL: &str = r#"
{"input": "one and one", "teacher": "2", "student": "2.0", "confidence": 0.9, "label": "2"}
{"input": "two and two", "teacher": "4", "student": "5", "confidence": 0.2}
"#;
const CSV: &str = "input,teacher,student,confidence,label\n\"one, and one\",2,2.0,0.9,2\ntwo and two,4,5,0.2,\n";

#[test]
fn rows_are_read_from_both_forms() {
    let (json, csv) =
        (read_rows("a.jsonl", JSONL, Form::JsonLines).unwrap(), read_rows("a.csv", CSV, Form::Csv).unwrap());
    assert_eq!((json.len(), csv.len()), (2, 2));
    assert_eq!((json[0].label.as_deref(), json[1].label.as_deref()), (Some("2"), None));
    assert_eq!(
        (csv[0].input.as_str(), csv[0].label.as_deref(), csv[1].label.as_deref()),
        ("one, and one", Some("2"), None)
    );
    let unlabelled = read_rows("a.csv", "confidence,input,teacher,student\n1,a,b,c\n", Form::Csv).unwrap();
    assert_eq!((unlabelled[0].student.as_str(), &unlabelled[0].label), ("c", &None));
    assert_eq!(
        (Form::of("x/a.CSV"), Form::of("a.jsonl"), Form::of("csv")),
        (Form::Csv, Form::JsonLines, Form::JsonLines)
    );
}

#[test]
fn a_row_that_is_none_is_named_by_file_and_line() {
    let named = |file: &str, text: &str, words: &[&str]| {
        let error = read_rows(file, text, Form::of(file)).unwrap_err().to_string();
        words.iter().for_each(|word| assert!(error.contains(word), "{word}: {error}"));
    };
    named("a.jsonl", &format!("{JSONL}{{\"input\": 3}}\n"), &["a.jsonl:4:"]);
    named("a.jsonl", &format!("{JSONL}not\n"), &["a.jsonl:4:", "column 2"]);
    named("a.jsonl", &JSONL.replace("0.2", "1.2"), &["a.jsonl:3:", "confidence = 1.2"]);
    named("a.csv", &CSV.replace("0.2", "sure"), &["a.csv:3:", "confidence", "float"]);
    named("a.csv", &CSV.replace(",0.2,", ",0.2"), &["a.csv:3:"]);
    named("a.csv", &CSV.replace("confidence", "certainty"), &["a.csv:2:", "certainty"]);
    named("a.csv", "input,teacher,student,confidence\n", &["a.csv", "no rows"]);
}

fn rows(count: usize, wrong: usize) -> Vec<RecordedRow> {
    let row = |at: usize| RecordedRow {
        input: format!("{} question", char::from_u32(0x4e00 + u32::try_from(at).unwrap()).unwrap()),
        teacher: "yes".into(),
        student: if at < wrong { "no" } else { "Yes." }.into(),
        confidence: if at < wrong { 0.1 } else { 0.9 },
        label: Some("yes".into()),
    };
    (0..count).map(row).collect()
}

fn replayed(rows: &[RecordedRow], threads: usize) -> ReplayReport {
    let policy = Policy { audit_share_shadow: 0.5, ..Policy::default() };
    let size = Size { runs: 12, seed: 1, threads };
    replay_rows(&Replay { rows, measure: Measure::Value { tolerance: 1e-6 }, policy: &policy, size }).unwrap()
}

#[test]
fn a_recorded_stream_is_served_where_it_is_safe_and_nowhere_else() {
    let half_known = rows(1_500, 500);
    let found = replayed(&half_known, 1);
    assert_eq!((found.rows, found.orders, found.orders_serving), (1_500, 12, 12));
    assert!(found.served.mean > 0.3 && found.served.mean < 0.67, "{found:?}");
    assert_eq!((found.joint_disagreement.mean, found.violations_served, found.violations_of_threshold), (0.0, 0, 0));
    assert!(found.teacher_calls.mean < 1.0 && found.teacher_calls.mean > 1.0 - found.served.mean, "{found:?}");
    let accuracy = found.accuracy.unwrap();
    assert!((accuracy.routed.mean, accuracy.teacher) == (1.0, 1.0) && (accuracy.student - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(found, replayed(&half_known, 2), "the threads change nothing");

    let useless = replayed(&rows(1_000, 1_000), 2);
    assert_eq!((useless.served.mean, useless.orders_serving, useless.teacher_calls.mean), (0.0, 0, 1.0));
}

#[test]
fn a_measure_that_needs_more_than_rows_is_refused() {
    let (rows, policy) = (rows(10, 1), Policy::default());
    let measure = Measure::SelfRelative { margin: 0.05, bad_below: 0.3 };
    let size = Size { runs: 1, seed: 1, threads: 1 };
    let error = replay_rows(&Replay { rows: &rows, measure, policy: &policy, size }).unwrap_err().to_string();
    assert!(error.contains("self_relative"), "{error}");
}

/// A history in which a candidate passed on with `policy` and 60 good audits of `version` followed, as entries.
fn history(policy: &Policy) -> Vec<serde_json::Value> {
    let version = VersionId::numbered(1);
    let candidate = Record::Candidate(Candidate {
        version: version.clone(),
        grid: vec![0.5],
        likely: Some(0.5),
        exam: 1.0,
        measure: Some(Measure::Exact),
        calibration: None,
        policy: policy.clone(),
        basis: Basis::default(),
    });
    let audit = |at: u64| {
        let (numbers, bad) = (Numbers::default(), false);
        let outcome = AuditOutcome::Compared { quality: 1.0, bad, confidence: 0.9, verified: true, numbers };
        let request = at.to_string();
        Record::Audit(Audit {
            request,
            version: version.clone(),
            served: false,
            prompt: at,
            near: at,
            user: None,
            features: None,
            outcome,
        })
    };
    let records = std::iter::once(candidate).chain((1..=90).map(audit));
    let entry = |(seq, record): (u64, Record)| {
        let mut value = serde_json::to_value(&record).unwrap();
        let more = serde_json::json!({"seq": seq, "at_ms": 1_000 + seq, "site": "shop"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    };
    (0..).zip(records).map(entry).collect()
}

fn walked(entries: &[serde_json::Value], policy: &Policy) -> Replayed {
    let text = serde_json::to_string(entries).unwrap();
    let entries = read_entries("entries.json", &text).unwrap();
    replay_entries(&entries, policy).remove(&SiteId::new("shop").unwrap()).unwrap()
}

fn told(replayed: &Replayed) -> Vec<(State, u64, u64)> {
    replayed.switches.iter().map(|made| (made.switch.to, made.switch.audits, made.at_ms)).collect()
}

#[test]
fn a_policy_is_tried_on_recorded_evidence_in_either_order() {
    let mut entries = history(&Policy { quality_min: 0.99, ..Policy::default() });
    let replayed = walked(&entries, &Policy::default());
    let expected = [
        (State::Shadow, 0, 1_000),
        (State::Canary, 49, 1_049),
        (State::Canary, 59, 1_059),
        (State::Student, 79, 1_079),
    ];
    assert_eq!(told(&replayed), expected);
    assert_eq!((replayed.site.state, replayed.audits, replayed.audits_without_trial), (State::Student, 90, 0));
    entries.reverse();
    assert_eq!(walked(&entries, &Policy::default()), replayed, "newest first");
    let strict = walked(&entries, &Policy { quality_min: 0.99, ..Policy::default() });
    assert_eq!((strict.site.state, told(&strict).len()), (State::Shadow, 1));
}

#[test]
fn recorded_switches_are_made_anew_and_what_the_world_did_stays() {
    let mut entries = history(&Policy::default());
    let put = |entries: &mut Vec<serde_json::Value>, seq: u64, cause: Cause, basis: Option<Basis>| {
        let mut value = serde_json::to_value(Record::Switch(Switch {
            role: handover::Role::Incumbent,
            from: State::Shadow,
            to: State::Shadow,
            cause,
            version: Some(VersionId::numbered(1)),
            step: 0,
            lower_bound: None,
            threshold: None,
            audits: 0,
            reason: None,
            actor: None,
            paused: None,
            share_max: None,
            discarded: Vec::new(),
            basis,
        }))
        .unwrap();
        let more = serde_json::json!({"seq": seq, "at_ms": 5_000, "site": "shop"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entries.push(value);
    };
    put(&mut entries, 200, Cause::Operator, None);
    put(&mut entries, 201, Cause::BasisChanged, Some(Basis::default()));
    let replayed = walked(&entries, &Policy::default());
    assert_eq!((replayed.by_hand, replayed.site.state, replayed.at_ms), (1, State::Shadow, 5_000));
    assert_eq!(replayed.site.incumbent.as_ref().unwrap().audits(), 0, "another basis voids the evidence");
    assert_eq!(told(&replayed).last(), Some(&(State::Shadow, 0, 5_000)));
}

#[test]
fn audits_without_their_candidate_are_told_and_entries_that_are_none_are_named() {
    let entries = history(&Policy::default());
    let replayed = walked(&entries[1..], &Policy::default());
    assert_eq!((replayed.audits, replayed.audits_without_trial, told(&replayed).len()), (90, 90, 0));
    let error = read_entries("e.json", "[{\"seq\": 1}]").unwrap_err().to_string();
    assert!(error.contains("e.json") && error.contains("entry 1"), "{error}");
    assert!(read_entries("e.json", "{}").is_err());
}
