//! What functions said stays said.

use std::fs;

use super::{Rule, Scripted, Teacher, run, settings};
use crate::autoif::Verdict;
use crate::autoif::verdicts::{Question, Verdicts};
use crate::run::{Facts, Limits, Run, Start};

fn begun(folder: &std::path::Path) -> Run {
    let facts = Facts {
        pipeline: "autoif".into(),
        teacher: "scripted".into(),
        student: None,
        seed: 1,
        arguments: serde_json::Value::Null,
    };
    let teacher = Teacher::new(Vec::new());
    let folder = folder.to_owned();
    Run::begin(Start { folder, facts, teacher, student: None, limits: Limits::default(), prompts: None, clock: || 0 })
        .unwrap()
}

fn ask(folder: &std::path::Path, verifiers: &Scripted, texts: &[String]) -> Vec<Verdict> {
    let run = begun(folder);
    let mut verdicts = Verdicts::open(&run, verifiers).unwrap();
    let question = Question { source: "has alpha", texts: texts.to_vec() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(verdicts.of(&[question])).unwrap().remove(0)
}

#[test]
fn a_verdict_is_asked_for_once_and_again_if_its_line_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let verifiers = Scripted::default();
    let texts = ["alpha".to_owned(), "beta".to_owned()];
    let said = ask(folder.path(), &verifiers, &texts);
    assert_eq!(said, [Verdict::Yes, Verdict::No]);
    assert_eq!(ask(folder.path(), &verifiers, &texts), said);
    assert_eq!(verifiers.applied.lock().len(), 1);
    let path = folder.path().join("verdicts.jsonl");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    assert_eq!(ask(folder.path(), &verifiers, &texts), said);
    assert_eq!(ask(folder.path(), &verifiers, &texts), said);
    assert_eq!(verifiers.applied.lock().len(), 2);
}

#[test]
fn long_texts_go_in_portions_and_one_that_is_too_long_is_put_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let verifiers = Scripted::default();
    let half = "x".repeat(600 << 10);
    let texts = [half.clone(), half, "alpha".repeat(1 << 20), "alpha".to_owned()];
    let said = ask(folder.path(), &verifiers, &texts);
    assert_eq!((&said[0], &said[1], &said[3]), (&Verdict::No, &Verdict::No, &Verdict::Yes));
    assert!(matches!(&said[2], Verdict::Failed(why) if why.contains("5242880 bytes")), "{:?}", said[2]);
    assert_eq!(*verifiers.applied.lock(), [1, 1, 1]);
}

#[test]
fn a_second_run_asks_neither_teacher_nor_functions() {
    let folder = tempfile::tempdir().unwrap();
    let (teacher, verifiers) = (Teacher::new(vec![Rule::alpha("Say alpha.")]), Scripted::default());
    let (first, error) = run(folder.path(), &teacher, &verifiers, &settings(), None);
    assert!(error.is_none() && first.kept > 0);
    let applied = verifiers.applied.lock().len();
    let items = fs::read(folder.path().join("items.jsonl")).unwrap();
    let (second, _) = run(folder.path(), &teacher, &verifiers, &settings(), None);
    assert_eq!((second.calls_paid, second.calls_replayed), (0, first.calls_paid));
    assert_eq!(verifiers.applied.lock().len(), applied);
    assert_eq!(fs::read(folder.path().join("items.jsonl")).unwrap(), items);
}
