//! Stages 6 and 7: every instruction is put to queries, the teacher answers, the functions say which answers keep the instruction.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::seq::IndexedRandom;
use serde::Serialize;
use serde_json::json;
use wire::{Role, Sampling, Turn};

use super::agreement::{Accuracy, accuracy};
use super::settings::Settings;
use super::validation::Verifier;
use super::verdicts::{Question, Verdicts};
use super::{RESPONSES, VERIFICATION, seeds, stream};
use crate::GenerateError;
use crate::item::{Check, Item};
use crate::prompts::question;
use crate::run::{Ask, Call, Run};

/// Answers to one question should differ.
const FREE: Sampling = Sampling::Random { temperature: 0.8, top_p: 1.0, seed: None };

/// An answer to a query under an instruction.
pub(super) struct Answered {
    /// Place of the verifier, and which query of it: answers to one query are compared.
    pub(super) place: (usize, usize),
    pub(super) query: String,
    pub(super) instruction: String,
    pub(super) text: String,
    call: Arc<Call>,
    parent: String,
}

/// An answer that was verified; the item's decisions are not all made.
pub(super) struct Verified {
    pub(super) answered: Answered,
    pub(super) accuracy: Accuracy,
    pub(super) item: Item,
}

#[derive(Serialize)]
pub(super) struct Line<'a> {
    instruction: &'a str,
    query: &'a str,
    response: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<f64>,
}

impl Answered {
    /// For people and other tools.
    pub(super) fn line(&self, accuracy: Option<f64>) -> Line<'_> {
        Line { instruction: &self.instruction, query: &self.query, response: &self.text, accuracy }
    }

    /// What is learnt: query and instruction as one message.
    pub(super) fn asked(&self) -> String {
        let instruction = self.instruction.trim();
        let stop = if instruction.ends_with(['.', '!', '?']) { "" } else { "." };
        format!("{} {instruction}{stop}", self.query.trim())
    }
}

/// Asks for `responses` answers to `queries_each` queries of every verifier.
pub(super) async fn answered(
    run: &mut Run,
    settings: &Settings,
    verifiers: &[Verifier],
) -> Result<Vec<Answered>, GenerateError> {
    let (queries, refused) = seeds::queries(settings.queries.as_deref(), settings.query_letters)?;
    refused.into_iter().for_each(|line| run.refuse(line));
    let mut rng = stream(run, 1);
    let (mut asks, mut places) = (Vec::new(), Vec::new());
    for (at, verifier) in verifiers.iter().enumerate() {
        for (number, query) in queries.sample(&mut rng, settings.queries_each).enumerate() {
            let slots = json!({ "instruction": verifier.instruction.text, "query": query });
            let prompt = question(run.prompts.render("autoif/response", slots)?, settings.max_tokens, FREE);
            for draw in 0..settings.responses as u64 {
                asks.push(Ask { stage: RESPONSES, prompt: prompt.clone(), draw });
                places.push(((at, number), query));
            }
        }
    }
    let mut answers = Vec::new();
    for (call, (place, query)) in run.teacher.ask_all(asks).await?.into_iter().zip(places) {
        // An answer that was cut off is not what the functions should see.
        if !run.answered(RESPONSES, &call, true) {
            continue;
        }
        let Some(verifier) = verifiers.get(place.0) else { continue };
        answers.push(Answered {
            place,
            query: query.clone(),
            instruction: verifier.instruction.text.clone(),
            text: call.text().unwrap_or_default().trim().to_owned(),
            parent: verifier.instruction.id.clone(),
            call,
        });
    }
    Ok(answers)
}

/// Puts every answer to the functions of its verifier. All are given back, dropped or not: pairs need both kinds.
pub(super) async fn verified(
    run: &mut Run,
    settings: &Settings,
    verdicts: &mut Verdicts<'_>,
    verifiers: &[Verifier],
    answers: Vec<Answered>,
) -> Result<Vec<Verified>, GenerateError> {
    let groups: Vec<&[Answered]> = answers.chunk_by(|left, right| left.place.0 == right.place.0).collect();
    let verifier = |group: &[Answered]| group.first().and_then(|first| verifiers.get(first.place.0));
    let mut questions = Vec::new();
    for group in &groups {
        for function in verifier(group).into_iter().flat_map(|verifier| &verifier.functions) {
            let texts = group.iter().map(|answer| answer.text.clone()).collect();
            questions.push(Question { source: &function.source, texts });
        }
    }
    let mut said = verdicts.of(&questions).await?.into_iter();
    drop(questions);
    let mut found = Vec::new();
    for group in groups {
        let functions = verifier(group).map_or(0, |verifier| verifier.functions.len());
        let matrix: Vec<_> = said.by_ref().take(functions).collect();
        found.extend((0..group.len()).map(|at| accuracy(matrix.iter().filter_map(|function| function.get(at)))));
    }
    let mut seen = BTreeSet::new();
    let item = |(answered, accuracy): (Answered, Accuracy)| {
        let new = seen.insert((answered.asked(), answered.text.clone()));
        let item = item(run, settings, &answered, accuracy, new);
        Verified { answered, accuracy, item }
    };
    Ok(answers.into_iter().zip(found).map(item).collect())
}

fn item(run: &mut Run, settings: &Settings, answered: &Answered, accuracy: Accuracy, new: bool) -> Item {
    let mut item = run.item(&settings.site, RESPONSES, &answered.call, &answered.text);
    item.parents = vec![answered.parent.clone()];
    item.parsed = json!({ "instruction": answered.instruction, "query": answered.query, "accuracy": accuracy.share });
    item.messages = vec![Turn::new(Role::User, answered.asked()), Turn::new(Role::Assistant, &answered.text)];
    if item.check(Check::over("accuracy", accuracy.share, settings.response_accuracy_over)) {
        item.check(Check::plain("repeated", new));
    }
    if item.is_kept() {
        // Whether it stays is the score's affair.
        run.funnel.count(VERIFICATION, None);
    }
    item
}
