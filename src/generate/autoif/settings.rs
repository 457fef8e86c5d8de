//! What a run is asked for, and the two sets of thresholds: the paper's (with the seed's numbers) and the released code's.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{GenerateError, limits};

/// What a run is asked for. A threshold that is named `over` must be passed, one that is named `min` may be met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The call site that learns from the examples.
    pub site: String,
    /// Calls for new instructions, and how many each is asked for (1).
    pub calls: usize,
    pub instructions_a_call: usize,
    /// Instructions that a prompt shows.
    pub shown: usize,
    /// Letters of an instruction: a longer one is no single rule.
    pub instruction_letters_max: usize,
    /// ROUGE-L F1 with the nearest instruction above which one is not new; 1 drops repetitions alone.
    pub rouge_max: f64,
    /// Functions asked for each instruction, and cases for each function (2).
    pub functions: usize,
    pub cases: usize,
    /// Whether a function that cannot run is written again, once, with the error shown.
    pub repair: bool,
    /// Whether a function that says no to all its own cases, also to those that it states as passed, counts as one that cannot run.
    pub own_cases: bool,
    /// Distinct functions and cases that an instruction needs (3).
    pub functions_min: usize,
    pub cases_min: usize,
    /// Share of the functions that agree with a case: over it the case is kept.
    pub case_agreement_over: f64,
    /// Share of the kept cases that a function gets right, at least.
    pub function_accuracy_min: f64,
    /// Functions that are put back into words (4).
    pub translated_max: usize,
    /// Queries for each instruction and answers to each query (6).
    pub queries_each: usize,
    pub responses: usize,
    /// Instructions that people wrote, one a line, in place of the built-in ones.
    pub instructions: Option<PathBuf>,
    /// JSON lines of queries in place of the built-in ones.
    pub queries: Option<PathBuf>,
    /// Letters of a query: more than the first and fewer than the second.
    pub query_letters: (usize, usize),
    /// Whether instructions that a back-translation contradicts are answered too, as the released code has it.
    pub queries_before_nli: bool,
    /// Share of the functions that pass an answer: over it the answer is kept (7).
    pub response_accuracy_over: f64,
    /// The same for the better answer of a pair, at least.
    pub chosen_accuracy_min: f64,
    /// Scores asked for each answer, and the least mean of 0 to 10 that keeps it; `score_over`: the mean must exceed it (8).
    pub scores: usize,
    pub score_min: f64,
    pub score_over: bool,
    /// Longest answer, tokens.
    pub max_tokens: u32,
    /// The folder of the model that judges entailment; the teacher is asked where there is none.
    pub nli: Option<PathBuf>,
    /// Milliseconds that one application of a function may take; what it decides is the run's.
    pub verifier_limit_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            site: super::PIPELINE.to_owned(),
            calls: 400,
            instructions_a_call: 50,
            shown: 36,
            instruction_letters_max: 300,
            rouge_max: 0.9,
            functions: 5,
            cases: 3,
            repair: true,
            own_cases: true,
            functions_min: 3,
            cases_min: 10,
            case_agreement_over: 0.5,
            function_accuracy_min: 0.8,
            translated_max: 3,
            queries_each: 8,
            responses: 2,
            instructions: None,
            queries: None,
            query_letters: (20, 300),
            queries_before_nli: false,
            response_accuracy_over: 0.5,
            chosen_accuracy_min: 0.5,
            scores: 1,
            score_min: 8.0,
            score_over: false,
            max_tokens: 512,
            nli: None,
            verifier_limit_ms: 1000,
        }
    }
}

impl Settings {
    /// What the released code does where it differs from the paper and from the seed's account of it: a case stays if any function
    /// agrees, an answer if any function passes it, a score must exceed 8; 16 queries, asked before the contradicted instructions
    /// are dropped; no repair, no look at a function's own cases, repetitions alone dropped.
    #[must_use]
    pub fn strict_release_compat() -> Self {
        Self {
            rouge_max: 1.0,
            repair: false,
            own_cases: false,
            case_agreement_over: 0.0,
            queries_each: 16,
            queries_before_nli: true,
            response_accuracy_over: 0.0,
            score_over: true,
            ..Self::default()
        }
    }

    /// # Errors
    /// Names the first value that cannot be used.
    pub fn check(&self) -> Result<(), GenerateError> {
        limits::at_least_one(&[
            ("calls", self.calls),
            ("instructions_a_call", self.instructions_a_call),
            ("functions", self.functions),
            ("cases", self.cases),
            ("translated_max", self.translated_max),
            ("queries_each", self.queries_each),
            ("responses", self.responses),
            ("scores", self.scores),
        ])?;
        limits::shares(&[
            ("rouge_max", self.rouge_max),
            ("case_agreement_over", self.case_agreement_over),
            ("function_accuracy_min", self.function_accuracy_min),
            ("response_accuracy_over", self.response_accuracy_over),
            ("chosen_accuracy_min", self.chosen_accuracy_min),
        ])?;
        if !(0.0..=10.0).contains(&self.score_min) {
            let value = self.score_min.to_string();
            return Err(GenerateError::Setting { key: "score_min", value, wanted: "must lie in 0 to 10" });
        }
        if self.verifier_limit_ms == 0 {
            return Err(GenerateError::Setting {
                key: "verifier_limit_ms",
                value: "0".into(),
                wanted: "must be at least 1",
            });
        }
        if self.functions < self.functions_min {
            let value = self.functions.to_string();
            return Err(GenerateError::Setting { key: "functions", value, wanted: "must be at least functions_min" });
        }
        Ok(())
    }
}
