//! AutoIF (seed 004; Dong et al., arXiv 2406.13542): rules for the form of an answer, functions that check them, and answers that the
//! functions have passed.
//!
//! - stage 1, `augment`: more rules like those that people wrote;
//! - stage 2, `functions`: five functions for each, with cases, and a second try for those that cannot run;
//! - stage 3, `validation`: functions and cases that were written apart must agree (`agreement`);
//! - stages 4 and 5, `translation`: a function put back into words must not contradict its rule (`nli`);
//! - stages 6 and 7, `answers`: queries under a rule, answered, and checked by its functions (`pairs`: answers that differ, for DPO);
//! - stages 8 and 9, `scores`: what is also a good answer is exported.
//!
//! Functions are run by a tool that the program brings (`tools`); what they said is on disk before it is used (`verdicts`). Where paper and
//! released code differ the paper's way is the default and [`Settings::strict_release_compat`] the other one. Differences from both, on purpose:
//! a function is asked about its own cases first (an interpreter that lacks a construct may be silenced by `except Exception`), and
//! functions that cannot run are written again once.

mod agreement;
mod answers;
mod augment;
mod functions;
mod nli;
mod pairs;
mod parse;
mod scores;
mod seeds;
mod settings;
mod tools;
mod translation;
mod validation;
mod verdicts;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;
use serde_json::json;

pub use settings::Settings;
pub use tools::{Nli, Pair, Relation, Tools, Verdict, Verifiers, Working};

use crate::prompts::Prompts;
use crate::run::Run;
use crate::{GenerateError, Planned};
use functions::Candidate;
use seeds::Instruction;
use translation::Translated;
use validation::Verifier;
use verdicts::Verdicts;

/// The maker's name.
pub const PIPELINE: &str = "autoif";
/// Pairs for DPO, in TRL's form.
pub const DPO_FILE: &str = "dpo.jsonl";

/// The steps of the funnel.
const INSTRUCTIONS: &str = "instructions";
const FUNCTIONS: &str = "functions";
const REPAIRS: &str = "repairs";
const VALIDATION: &str = "cross-validation";
const TRANSLATION: &str = "back-translation";
const NLI: &str = "nli";
const RESPONSES: &str = "responses";
const VERIFICATION: &str = "verification";
const SCORES: &str = "scores";

/// What the seed's authors had left of how many, with gpt-4o-mini and 400 calls for 50 instructions.
const PUBLISHED: [(&str, f64, f64); 5] = [
    (INSTRUCTIONS, 16_928.0, 20_000.0),
    (VALIDATION, 14_579.0, 16_928.0),
    (NLI, 13_077.0, 14_579.0),
    (VERIFICATION, 122_932.0, 209_232.0),
    (SCORES, 61_492.0, 122_932.0),
];

/// Makes rules, verifiers and answers, and writes what each stage has left.
///
/// # Errors
/// What ends a run; bad lines of a file, bad answers and bad functions do not.
pub async fn make(run: &mut Run, settings: &Settings, tools: Tools<'_>) -> Result<(), GenerateError> {
    settings.check()?;
    // A file that cannot be used is said before anything is paid.
    seeds::queries(settings.queries.as_deref(), settings.query_letters)?;
    let mut verdicts = Verdicts::open(run, tools.verifiers)?;
    let verifiers = verifiers(run, settings, tools, &mut verdicts).await?;
    let answers = answers::answered(run, settings, &verifiers).await?;
    write(run, "6-responses.jsonl", answers.iter().map(|one| one.line(None)))?;
    publish(run, VERIFICATION);
    let verified = answers::verified(run, settings, &mut verdicts, &verifiers, answers).await?;
    let passed = verified.iter().filter(|one| one.item.is_kept());
    write(run, "7-verified.jsonl", passed.map(|one| one.answered.line(Some(one.accuracy.share))))?;
    let pairs = pairs::pairs(&verified, settings);
    dataset::write_preferences(&run.folder().join(DPO_FILE), &pairs)?;
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    run.figure("pairs for DPO", pairs.len() as f64);
    publish(run, SCORES);
    let scored = scores::scored(run, settings, verified).await?;
    write(run, "8-scored.jsonl", scored.iter().map(scores::Scored::line))?;
    write(run, "9-alpaca.jsonl", scored.iter().filter(|one| one.is_kept).map(scores::Scored::alpaca))
}

/// Puts what the seed's authors had left of step `step` beside what is left here.
fn publish(run: &mut Run, step: &str) {
    if let Some((_, left, came)) = PUBLISHED.iter().find(|(name, ..)| *name == step) {
        run.funnel.published(step, left / came);
    }
}

/// Stages 1 to 5.
async fn verifiers(
    run: &mut Run,
    settings: &Settings,
    tools: Tools<'_>,
    verdicts: &mut Verdicts<'_>,
) -> Result<Vec<Verifier>, GenerateError> {
    publish(run, INSTRUCTIONS);
    let instructions = augment::instructions(run, settings).await?;
    write(run, "1-instructions.jsonl", instructions.iter().map(of_instruction))?;
    let candidates = functions::written(run, settings, verdicts, tools.verifiers.subset(), instructions).await?;
    write(run, "2-functions.jsonl", candidates.iter().map(of_candidate))?;
    publish(run, VALIDATION);
    let verifiers = validation::validated(run, settings, verdicts, candidates).await?;
    write(run, "3-cross-validated.jsonl", verifiers.iter().map(Verifier::line))?;
    let before = settings.queries_before_nli.then(|| verifiers.clone());
    let translated = translation::translated(run, settings, verifiers).await?;
    write(run, "4-back-translated.jsonl", translated.iter().map(Translated::line))?;
    publish(run, NLI);
    let judged = translation::judged(run, settings, tools.nli, translated).await?;
    let uncontradicted = || judged.iter().filter(|one| !one.contradicted);
    write(run, "5-uncontradicted.jsonl", uncontradicted().map(Translated::line))?;
    let after = || uncontradicted().map(|one| one.verifier.clone()).collect();
    Ok(before.unwrap_or_else(after))
}

fn of_instruction(instruction: &Instruction) -> serde_json::Value {
    json!({ "id": instruction.id, "instruction": instruction.text, "by": if instruction.seed { "person" } else { "model" } })
}

fn of_candidate(candidate: &Candidate) -> serde_json::Value {
    let instruction = &candidate.instruction;
    json!({ "id": instruction.id, "instruction": instruction.text, "functions": candidate.functions, "cases": candidate.cases })
}

/// Writes what a stage has left, for people and other tools; a run that goes on does not read it.
fn write(run: &Run, name: &str, records: impl Iterator<Item = impl Serialize>) -> Result<(), GenerateError> {
    Ok(dataset::write_json_lines(&run.folder().join(name), records)?)
}

fn stream(run: &Run, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(run.facts.seed);
    rng.set_stream(number);
    rng
}

/// What [`make`] would ask, `subset` being what the functions' author is told. What falls at each step is taken from the seed's own run.
///
/// # Errors
/// When a file or a template cannot be used.
pub fn plan(prompts: &Prompts, settings: &Settings, subset: &str) -> Result<Vec<Planned>, GenerateError> {
    settings.check()?;
    seeds::queries(settings.queries.as_deref(), settings.query_letters)?;
    let seeds = seeds::instructions(settings.instructions.as_deref())?;
    let text = seeds.first().map_or("", |instruction| instruction.text.as_str());
    let shown: Vec<&str> = seeds.iter().take(settings.shown).map(|instruction| instruction.text.as_str()).collect();
    let slots = json!({ "instructions": shown, "count": settings.instructions_a_call });
    let new = prompts.render("autoif/instructions", slots)?;
    let function =
        prompts.render("autoif/function", json!({ "instruction": text, "subset": subset, "cases": settings.cases }))?;
    let source = "x".repeat(400);
    let translation = prompts.render("autoif/translation", json!({ "func": source }))?;
    let relation = prompts.render("autoif/relation", json!({ "premise": text, "hypothesis": text }))?;
    let response = prompts.render("autoif/response", json!({ "instruction": text, "query": text }))?;
    let score = prompts.render("autoif/score", json!({ "instruction": text, "query": text, "response": source }))?;
    let left = |came: usize, step: &str| {
        let share = PUBLISHED.iter().find(|(name, ..)| *name == step).map_or(1.0, |(_, left, of)| left / of);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a count"
        )]
        let left = (came as f64 * share).round() as usize;
        left
    };
    let instructions = seeds.len() + left(settings.calls * settings.instructions_a_call, INSTRUCTIONS);
    let verifiers = left(instructions, VALIDATION);
    let answered = if settings.queries_before_nli { verifiers } else { left(verifiers, NLI) };
    let responses = answered * settings.queries_each * settings.responses;
    let mut planned = vec![
        Planned::new(
            INSTRUCTIONS,
            settings.calls,
            &new,
            u32::try_from(settings.instructions_a_call * 20).unwrap_or(u32::MAX),
        ),
        Planned::new(FUNCTIONS, instructions * settings.functions, &function, 250),
        Planned::new(TRANSLATION, verifiers * settings.translated_max, &translation, 25),
        Planned::new(RESPONSES, responses, &response, 150),
        Planned::new(SCORES, left(responses, VERIFICATION) * settings.scores, &score, 80),
    ];
    if settings.nli.is_none() {
        planned.insert(3, Planned::new(NLI, verifiers * settings.translated_max, &relation, 3));
    }
    Ok(planned)
}

#[cfg(test)]
mod tests;
