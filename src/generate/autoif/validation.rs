//! Stage 3: the functions and cases of an instruction are held against each other; what is left is a verifier.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;

use super::VALIDATION;
use super::agreement::{Held, held};
use super::functions::{Candidate, Function};
use super::parse::Case;
use super::seeds::Instruction;
use super::settings::Settings;
use super::verdicts::{Question, Verdicts};
use crate::GenerateError;
use crate::item::Check;
use crate::run::Run;

/// An instruction with the functions and cases that agree.
#[derive(Clone, Debug)]
pub(super) struct Verifier {
    pub(super) instruction: Instruction,
    pub(super) functions: Vec<Function>,
    pub(super) cases: Vec<Case>,
}

#[derive(Serialize)]
pub(super) struct Line<'a> {
    id: &'a str,
    instruction: &'a str,
    functions: Vec<&'a str>,
    cases: &'a [Case],
}

impl Verifier {
    /// For people and other tools.
    pub(super) fn line(&self) -> Line<'_> {
        let functions = self.functions.iter().map(|function| function.source.as_str()).collect();
        Line { id: &self.instruction.id, instruction: &self.instruction.text, functions, cases: &self.cases }
    }
}

/// What stays of all candidates.
pub(super) async fn validated(
    run: &mut Run,
    settings: &Settings,
    verdicts: &mut Verdicts<'_>,
    mut candidates: Vec<Candidate>,
) -> Result<Vec<Verifier>, GenerateError> {
    candidates.iter_mut().for_each(distinct);
    let is_enough = |candidate: &Candidate| counts(candidate, settings).iter().all(|check| check.pass);
    let enough = candidates.iter().filter(|candidate| is_enough(candidate));
    let questions: Vec<Question<'_>> = enough.flat_map(questions).collect();
    let mut said = verdicts.of(&questions).await?.into_iter();
    drop(questions);
    let mut verifiers = Vec::new();
    let (mut came, mut left) = ((0, 0), (0, 0));
    for candidate in candidates {
        let mut checks = counts(&candidate, settings);
        let mut kept = Held::default();
        if checks.iter().all(|check| check.pass) {
            let matrix: Vec<_> = said.by_ref().take(candidate.functions.len()).collect();
            kept = held(&matrix, &candidate.cases, settings);
            came = (came.0 + candidate.cases.len(), came.1 + candidate.functions.len());
            left = (left.0 + kept.cases.len(), left.1 + kept.functions.len());
            checks.push(Check::at_least("cases-left", count(kept.cases.len()), 1.0));
            checks.push(Check::at_least("functions-left", count(kept.functions.len()), 1.0));
        }
        verifiers.extend(take(run, settings, candidate, &kept, checks));
    }
    run.figure_share("cases on which functions agree, share", left.0, came.0);
    run.figure_share("functions that agree with them, share", left.1, came.1);
    Ok(verifiers)
}

/// Each function and each case once.
fn distinct(candidate: &mut Candidate) {
    let mut seen = BTreeSet::new();
    candidate.functions.retain(|function| seen.insert(function.source.clone()));
    let mut seen = BTreeSet::new();
    candidate.cases.retain(|case| seen.insert(case.clone()));
}

fn counts(candidate: &Candidate, settings: &Settings) -> Vec<Check> {
    let (functions, cases) = (candidate.functions.len(), candidate.cases.len());
    let functions = Check::at_least("functions-min", count(functions), count(settings.functions_min));
    if !functions.pass {
        return vec![functions];
    }
    vec![functions, Check::at_least("cases-min", count(cases), count(settings.cases_min))]
}

fn questions(candidate: &Candidate) -> impl Iterator<Item = Question<'_>> {
    let inputs = || candidate.cases.iter().map(|case| case.input.clone()).collect();
    candidate.functions.iter().map(move |function| Question { source: &function.source, texts: inputs() })
}

/// The item of one instruction, and its verifier if it is kept.
fn take(run: &mut Run, settings: &Settings, candidate: Candidate, kept: &Held, checks: Vec<Check>) -> Option<Verifier> {
    let Candidate { instruction, functions, cases, call } = candidate;
    let Some(call) = call else {
        run.funnel.count(VALIDATION, Some("functions-min"));
        return None;
    };
    let mut item = run.item(&settings.site, VALIDATION, &call, &instruction.text);
    item.parents = std::iter::once(instruction.id.clone()).chain(functions.iter().map(|one| one.id.clone())).collect();
    item.parsed = json!({
        "instruction": instruction.text, "functions": functions.len(), "cases": cases.len(),
        "functions_kept": kept.functions.len(), "cases_kept": kept.cases.len(),
    });
    item.checks = checks;
    let is_kept = item.is_kept();
    run.take(VALIDATION, item);
    let functions = kept.functions.iter().filter_map(|at| functions.get(*at).cloned()).collect();
    let cases = kept.cases.iter().filter_map(|at| cases.get(*at).cloned()).collect();
    is_kept.then_some(Verifier { instruction, functions, cases })
}

#[expect(clippy::cast_precision_loss, reason = "counts")]
fn count(count: usize) -> f64 {
    count as f64
}
