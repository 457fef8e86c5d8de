//! Verifiers as models write them, against CPython's answers (`tests/oracle/verifiers.py`): what an upgrade of the
//! interpreter gains or loses is seen here.

use std::fs;
use std::path::Path;

use sandbox::{Outcome, Pool};
use serde::Deserialize;

use crate::common::patient;

/// Functions of the corpus that agree with CPython on every input, as measured with monty 0.0.23.
const AGREEING_MEASURED: usize = 0;

/// Functions that answer something else than CPython without a word; `sandbox::SUBSET` tells the author to avoid each cause.
const SILENTLY_DIFFERENT: [(&str, &str); 0] = [];

#[derive(Deserialize)]
struct Corpus {
    functions: Vec<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    source: String,
    inputs: Vec<String>,
    /// Nothing where CPython raises or returns something else than an answer.
    answers: Vec<Option<bool>>,
}

#[tokio::test]
async fn verifiers_answer_as_in_cpython_or_say_what_is_missing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/verifiers.json");
    let corpus: Corpus = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(corpus.functions.len() >= 60);
    let pool = Pool::start(patient()).await.unwrap();
    let (mut agreeing, mut different, mut unexplained) = (0, Vec::new(), Vec::new());
    for function in &corpus.functions {
        let outcomes = pool.evaluate(&function.source, "evaluate", &function.inputs).await.unwrap();
        let pairs: Vec<(&Outcome, &Option<bool>)> = outcomes.iter().zip(&function.answers).collect();
        let answer = |outcome: &Outcome| if let Outcome::Value(answer) = outcome { Some(*answer) } else { None };
        let lacking = pairs.iter().any(|(outcome, _)| matches!(outcome, Outcome::Unsupported { .. }));
        if !lacking && pairs.iter().all(|(outcome, expected)| answer(outcome) == **expected) {
            agreeing += 1;
        }
        if pairs.iter().any(|(outcome, expected)| answer(outcome).is_some_and(|answer| Some(answer) != **expected)) {
            different.push(function.name.as_str());
        }
        let is_lack = |outcome: &Outcome| matches!(outcome, Outcome::Value(_) | Outcome::Unsupported { .. });
        unexplained.extend(
            pairs
                .iter()
                .filter(|(outcome, expected)| expected.is_some() && !is_lack(outcome))
                .map(|(outcome, _)| format!("{}: {outcome:?}", function.name)),
        );
    }
    println!("{agreeing} of {} functions agree with CPython on every input", corpus.functions.len());
    let known: Vec<&str> = SILENTLY_DIFFERENT.iter().map(|(name, _)| *name).collect();
    assert_eq!(different, known, "another answer than CPython's without a word");
    assert!(unexplained.is_empty(), "CPython answers, and the worker does not say what it lacks: {unexplained:#?}");
    assert_eq!(agreeing, AGREEING_MEASURED, "an upgrade changed how many functions agree; note the new number");
}
