//! Stage 2: functions that check an instruction, each with cases, written apart from each other; those that cannot run here are written
//! again once.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use wire::Sampling;

use super::agreement::{denies_itself, unsupported};
use super::parse::{self, Case};
use super::seeds::Instruction;
use super::settings::Settings;
use super::tools::Verdict;
use super::verdicts::{Question, Verdicts};
use super::{FUNCTIONS, REPAIRS};
use crate::GenerateError;
use crate::item::Check;
use crate::prompts::question;
use crate::run::{Ask, Call, Run};

/// As a reimplementation of the released code draws them: nearly the likeliest, five times.
const CAREFUL: Sampling = Sampling::Random { temperature: 0.2, top_p: 1.0, seed: None };
const TOKENS_MAX: u32 = 1024;

/// A function that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Function {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) repaired: bool,
}

/// What was written for one instruction.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) instruction: Instruction,
    pub(super) functions: Vec<Function>,
    /// Of all its functions, of those that do not run too: a case owes its function nothing.
    pub(super) cases: Vec<Case>,
    /// The last call that was answered for it.
    pub(super) call: Option<Arc<Call>>,
}

/// One answer of the teacher.
struct Written {
    /// Place of its instruction.
    at: usize,
    draw: u64,
    call: Arc<Call>,
    source: String,
    cases: Vec<Case>,
    repaired: bool,
    /// Why it cannot be used.
    problem: Option<Problem>,
}

/// Why a function cannot be used.
#[derive(Clone)]
struct Problem {
    check: &'static str,
    says: String,
}

/// The functions of all instructions.
pub(super) async fn written(
    run: &mut Run,
    settings: &Settings,
    verdicts: &mut Verdicts<'_>,
    subset: &str,
    instructions: Vec<Instruction>,
) -> Result<Vec<Candidate>, GenerateError> {
    let mut written = asked(run, settings, subset, &instructions).await?;
    try_out(settings, verdicts, &mut written).await?;
    if settings.repair {
        repair(run, subset, &instructions, &mut written).await?;
        try_out(settings, verdicts, &mut written).await?;
    }
    let repaired: Vec<bool> = written.iter().filter(|one| one.repaired).map(|one| one.problem.is_none()).collect();
    for good in repaired {
        run.funnel.count(REPAIRS, (!good).then_some("still-unusable"));
    }
    let new = |instruction| Candidate { instruction, functions: Vec::new(), cases: Vec::new(), call: None };
    let mut candidates: Vec<Candidate> = instructions.into_iter().map(new).collect();
    for one in written {
        if let Some(candidate) = candidates.get_mut(one.at) {
            take(run, settings, one, candidate);
        }
    }
    Ok(candidates)
}

async fn asked(
    run: &mut Run,
    settings: &Settings,
    subset: &str,
    instructions: &[Instruction],
) -> Result<Vec<Written>, GenerateError> {
    let (mut asks, mut places) = (Vec::new(), Vec::new());
    for (at, instruction) in instructions.iter().enumerate() {
        let slots = json!({ "instruction": instruction.text, "subset": subset, "cases": settings.cases });
        let prompt = question(run.prompts.render("autoif/function", slots)?, TOKENS_MAX, CAREFUL);
        for draw in 0..settings.functions as u64 {
            asks.push(Ask { stage: FUNCTIONS, prompt: prompt.clone(), draw });
            places.push((at, draw));
        }
    }
    let mut written = Vec::new();
    for (call, (at, draw)) in run.teacher.ask_all(asks).await?.into_iter().zip(places) {
        if !run.answered("function answers", &call, false) {
            continue;
        }
        let (problem, (source, mut cases)) = match parse::function(call.text().unwrap_or_default()) {
            Some(read) if !read.1.is_empty() => (None, read),
            Some(read) => (Some(Problem { check: "cases", says: "no case can be read".into() }), read),
            None => {
                let says = if call.is_whole() { "no JSON with a function" } else { "cut off" };
                (Some(Problem { check: "json", says: says.into() }), (String::new(), Vec::new()))
            }
        };
        cases.truncate(settings.cases);
        written.push(Written { at, draw, call, source, cases, repaired: false, problem });
    }
    Ok(written)
}

/// Puts every function to its own cases.
async fn try_out(
    settings: &Settings,
    verdicts: &mut Verdicts<'_>,
    written: &mut [Written],
) -> Result<(), GenerateError> {
    let mut open: Vec<&mut Written> = written.iter_mut().filter(|one| one.problem.is_none()).collect();
    let inputs = |one: &Written| one.cases.iter().map(|case| case.input.clone()).collect();
    let questions: Vec<Question<'_>> =
        open.iter().map(|one| Question { source: &one.source, texts: inputs(one) }).collect();
    let said = verdicts.of(&questions).await?;
    drop(questions);
    for (one, said) in open.iter_mut().zip(said) {
        one.problem = problem(settings, one, &said);
    }
    Ok(())
}

fn problem(settings: &Settings, one: &Written, said: &[Verdict]) -> Option<Problem> {
    if let Some(message) = unsupported(said) {
        return Some(Problem { check: "runs", says: message.to_owned() });
    }
    if settings.own_cases && denies_itself(said, &one.cases) {
        let swallows = one.source.contains("except Exception") || one.source.contains("except:");
        let hint = if swallows { "; its `except` may hide a construct that is missing" } else { "" };
        let says = format!("it says no to every case, also to those that it states as passed{hint}");
        return Some(Problem { check: "own-cases", says });
    }
    None
}

/// Asks for each function that does not run once more, with what is wrong; the answer takes its place.
async fn repair(
    run: &Run,
    subset: &str,
    instructions: &[Instruction],
    written: &mut [Written],
) -> Result<(), GenerateError> {
    let is_open =
        |one: &&mut Written| one.problem.as_ref().is_some_and(|problem| ["runs", "own-cases"].contains(&problem.check));
    let open: Vec<&mut Written> = written.iter_mut().filter(is_open).collect();
    let mut asks = Vec::new();
    for one in &open {
        let instruction = instructions.get(one.at).map_or("", |instruction| instruction.text.as_str());
        let problem = one.problem.as_ref().map_or("", |problem| problem.says.as_str());
        let slots = json!({ "instruction": instruction, "func": one.source, "problem": problem, "subset": subset });
        let prompt = question(run.prompts.render("autoif/repair", slots)?, TOKENS_MAX, CAREFUL);
        asks.push(Ask { stage: REPAIRS, prompt, draw: one.draw });
    }
    for (call, one) in run.teacher.ask_all(asks).await?.into_iter().zip(open) {
        one.repaired = true;
        if let Some((source, _)) = call.text().and_then(parse::function) {
            (one.source, one.call, one.problem) = (source, call, None);
        }
    }
    Ok(())
}

fn take(run: &mut Run, settings: &Settings, one: Written, candidate: &mut Candidate) {
    let Written { call, source, cases, repaired, problem, .. } = one;
    let raw = if source.is_empty() { call.text().unwrap_or_default() } else { &source };
    let mut item = run.item(&settings.site, FUNCTIONS, &call, raw);
    item.parents = vec![candidate.instruction.id.clone()];
    item.parsed =
        json!({ "instruction": candidate.instruction.text, "func": source, "cases": cases, "repaired": repaired });
    item.check(match problem {
        Some(Problem { check, says }) => Check::plain(check, false).because(says),
        None => Check::plain("runs", true),
    });
    candidate.cases.extend(cases);
    candidate.call = Some(call);
    if item.is_kept() {
        candidate.functions.push(Function { id: item.id.clone(), source, repaired });
    }
    run.take(FUNCTIONS, item);
}
