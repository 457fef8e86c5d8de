//! Verifiers as models write them, against CPython's answers (`tests/oracle/verifiers.py`): what an upgrade of the
//! interpreter gains or loses is seen here.

use std::fs;
use std::path::Path;

use sandbox::{Outcome, Pool};
use serde::Deserialize;

use crate::common::patient;

/// Functions of the corpus that agree with CPython on every input, as measured with monty 0.0.23. Every fifth function was
/// written around something that is missing, so this is no rate of real functions.
const AGREEING: usize = 76;

/// Functions that answer otherwise than CPython and do not say that something is missing. `sandbox::SUBSET` tells the author
/// to avoid each cause.
const SILENTLY_DIFFERENT: [(&str, &str); 7] = [
    ("a number within bounds", "float() reads ASCII digits only"),
    ("case-folded words equal", "casefold() is lower()"),
    ("split with the separators kept", "re.split() drops the groups"),
    ("a wrong type now and then", "int() reads ASCII digits only"),
    ("a set compared, everything caught", "the function catches what would say that set <= set is missing"),
    ("booleans added, everything caught", "the function catches what would say that bool + int is missing"),
    ("an import caught", "the function catches the missing module"),
];

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

impl Function {
    /// The outcomes beside CPython's answers.
    async fn run(&self, pool: &Pool) -> Vec<(Outcome, Option<bool>)> {
        let outcomes = pool.evaluate(&self.source, "evaluate", &self.inputs).await.unwrap();
        outcomes.into_iter().zip(self.answers.iter().copied()).collect()
    }
}

/// The answer, or nothing where there is none.
fn answer(outcome: &Outcome) -> Option<bool> {
    if let Outcome::Value(answer) = outcome { Some(*answer) } else { None }
}

#[tokio::test]
async fn verifiers_answer_as_in_cpython_or_say_what_is_missing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/verifiers.json");
    let corpus: Corpus = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(corpus.functions.len() >= 60);
    let pool = Pool::start(patient()).await.unwrap();
    let (mut agreeing, mut lacking, mut different) = (0, 0, Vec::new());
    for function in &corpus.functions {
        let pairs = function.run(&pool).await;
        let says = |outcome: &Outcome| matches!(outcome, Outcome::Unsupported { .. });
        if pairs.iter().any(|(outcome, expected)| !says(outcome) && answer(outcome) != *expected) {
            different.push(function.name.as_str());
        } else if pairs.iter().any(|(outcome, _)| says(outcome)) {
            lacking += 1;
        } else {
            agreeing += 1;
        }
    }
    println!(
        "of {} functions {agreeing} agree with CPython on every input, {lacking} say what is missing, {} differ silently",
        corpus.functions.len(),
        different.len()
    );
    let known: Vec<&str> = SILENTLY_DIFFERENT.iter().map(|(name, _)| *name).collect();
    assert_eq!(different, known, "otherwise than CPython without a word");
    assert_eq!(agreeing, AGREEING, "another number of functions agrees than was measured");
}
