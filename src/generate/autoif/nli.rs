//! Entailment asked of the teacher, as a question with three answers.

use serde_json::json;
use wire::Sampling;

use super::tools::{Nli, Pair, Relation, Working};
use super::{NLI, parse};
use crate::prompts::Prompts;
use crate::prompts::question;
use crate::run::{Ask, Asker};

const TOKENS_MAX: u32 = 16;

pub(super) struct Asked<'a> {
    pub(super) teacher: &'a Asker,
    pub(super) prompts: &'a Prompts,
}

impl Nli for Asked<'_> {
    fn judge<'a>(&'a self, pairs: &'a [Pair]) -> Working<'a, Vec<Option<Relation>>> {
        Box::pin(async move {
            let mut asks = Vec::new();
            for (premise, hypothesis) in pairs {
                let slots = json!({ "premise": premise, "hypothesis": hypothesis });
                let prompt = question(self.prompts.render("autoif/relation", slots)?, TOKENS_MAX, Sampling::Greedy);
                asks.push(Ask { stage: NLI, prompt, draw: asks.len() as u64 });
            }
            let calls = self.teacher.ask_all(asks).await?;
            Ok(calls.iter().map(|call| parse::relation(call.text()?)).collect())
        })
    }
}
