//! Stages 4 and 5: functions are put back into words; an instruction whose functions say something that contradicts it is dropped.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use wire::Sampling;

use super::nli::Asked;
use super::settings::Settings;
use super::tools::{Nli, Pair, Relation};
use super::validation::Verifier;
use super::{NLI, TRANSLATION, parse};
use crate::GenerateError;
use crate::item::Check;
use crate::prompts::question;
use crate::run::{Ask, Call, Run};

const TOKENS_MAX: u32 = 128;

/// A verifier with what its first functions mean in words.
pub(super) struct Translated {
    pub(super) verifier: Verifier,
    texts: Vec<String>,
    call: Arc<Call>,
    relations: Vec<Option<Relation>>,
    pub(super) contradicted: bool,
}

#[derive(Serialize)]
pub(super) struct Line<'a> {
    id: &'a str,
    instruction: &'a str,
    translations: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    relations: &'a [Option<Relation>],
}

impl Translated {
    /// For people and other tools.
    pub(super) fn line(&self) -> Line<'_> {
        let instruction = &self.verifier.instruction;
        Line {
            id: &instruction.id,
            instruction: &instruction.text,
            translations: &self.texts,
            relations: &self.relations,
        }
    }
}

/// Puts up to `translated_max` functions of each verifier into words; one of which none can be read is dropped.
pub(super) async fn translated(
    run: &mut Run,
    settings: &Settings,
    verifiers: Vec<Verifier>,
) -> Result<Vec<Translated>, GenerateError> {
    let mut asks = Vec::new();
    let mut counts = Vec::new();
    for verifier in &verifiers {
        let functions = verifier.functions.iter().take(settings.translated_max);
        counts.push(functions.len());
        for function in functions {
            let text = run.prompts.render("autoif/translation", json!({ "func": function.source }))?;
            // The place tells apart functions that were written for several instructions.
            asks.push(Ask {
                stage: TRANSLATION,
                prompt: question(text, TOKENS_MAX, Sampling::Greedy),
                draw: asks.len() as u64,
            });
        }
    }
    let mut calls = run.teacher.ask_all(asks).await?.into_iter();
    let mut translated = Vec::new();
    for (verifier, count) in verifiers.into_iter().zip(counts) {
        let calls: Vec<Arc<Call>> = calls.by_ref().take(count).collect();
        let texts: Vec<String> = calls.iter().filter_map(|call| parse::translation(call.text()?)).collect();
        let Some(call) = calls.into_iter().find(|call| call.text().is_some()) else {
            run.funnel.count(TRANSLATION, Some("no-answer"));
            continue;
        };
        let mut item = run.item(&settings.site, TRANSLATION, &call, &texts.join("\n"));
        item.parents = vec![verifier.instruction.id.clone()];
        item.parsed = json!({ "instruction": verifier.instruction.text, "translations": texts });
        if item.check(Check::plain("readable", !texts.is_empty())) {
            translated.push(Translated { verifier, texts, call, relations: Vec::new(), contradicted: false });
        }
        run.take(TRANSLATION, item);
    }
    Ok(translated)
}

/// Marks those of which any translation contradicts the instruction.
pub(super) async fn judged(
    run: &mut Run,
    settings: &Settings,
    nli: Option<&dyn Nli>,
    mut translated: Vec<Translated>,
) -> Result<Vec<Translated>, GenerateError> {
    let pairs_of = |one: &Translated| {
        let premise = one.verifier.instruction.text.clone();
        one.texts.iter().map(|text| (premise.clone(), text.clone())).collect::<Vec<Pair>>()
    };
    let pairs: Vec<Pair> = translated.iter().flat_map(pairs_of).collect();
    let relations = match nli {
        Some(nli) => nli.judge(&pairs).await?,
        None => Asked { teacher: &run.teacher, prompts: &run.prompts }.judge(&pairs).await?,
    };
    let mut relations = relations.into_iter();
    for one in &mut translated {
        one.relations = relations.by_ref().take(one.texts.len()).collect();
        let mut item = run.item(&settings.site, NLI, &one.call, &one.verifier.instruction.text);
        item.parents = vec![one.verifier.instruction.id.clone()];
        item.parsed = json!({ "instruction": one.verifier.instruction.text, "translations": one.texts, "relations": one.relations });
        item.check(verdict(&one.relations, &one.texts));
        one.contradicted = !item.is_kept();
        run.take(NLI, item);
    }
    Ok(translated)
}

/// A contradiction drops, and so does a judge that says nothing at all.
fn verdict(relations: &[Option<Relation>], texts: &[String]) -> Check {
    let against = relations.iter().position(|relation| *relation == Some(Relation::Contradiction));
    match against {
        Some(at) => Check::plain("contradiction", false).because(texts.get(at).cloned().unwrap_or_default()),
        None if relations.iter().all(Option::is_none) => Check::plain("unjudged", false),
        None => Check::plain("contradiction", true),
    }
}
