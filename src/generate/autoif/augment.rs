//! Stage 1: more instructions like those that people wrote.

use std::collections::BTreeSet;

use rand::seq::IndexedRandom;
use serde_json::json;
use wire::Sampling;

use super::seeds::{self, Instruction};
use super::settings::Settings;
use super::{INSTRUCTIONS, parse, stream};
use crate::GenerateError;
use crate::item::Check;
use crate::novelty::Pool;
use crate::prompts::question;
use crate::run::{Ask, Run};

/// As a reimplementation of the released code draws them.
const CREATIVE: Sampling = Sampling::Random { temperature: 0.7, top_p: 1.0, seed: None };
/// Tokens of one instruction, generously.
const TOKENS_EACH: usize = 40;

/// The seed instructions and what is new among those that the teacher adds.
pub(super) async fn instructions(run: &mut Run, settings: &Settings) -> Result<Vec<Instruction>, GenerateError> {
    let mut all = seeds::instructions(settings.instructions.as_deref())?;
    let mut known = Known::default();
    all.iter().for_each(|instruction| known.push(&instruction.text));
    let mut rng = stream(run, 0);
    let mut asks = Vec::new();
    for draw in 0..settings.calls as u64 {
        let shown: Vec<&str> =
            all.sample(&mut rng, settings.shown).map(|instruction| instruction.text.as_str()).collect();
        let slots = json!({ "instructions": shown, "count": settings.instructions_a_call });
        let tokens = u32::try_from(settings.instructions_a_call * TOKENS_EACH).unwrap_or(u32::MAX);
        let prompt = question(run.prompts.render("autoif/instructions", slots)?, tokens, CREATIVE);
        asks.push(Ask { stage: INSTRUCTIONS, prompt, draw });
    }
    for call in run.teacher.ask_all(asks).await? {
        if !run.answered("instruction answers", &call, false) {
            continue;
        }
        let mut texts = parse::instructions(call.text().unwrap_or_default());
        if !call.is_whole() {
            // The last one was cut off.
            texts.pop();
        }
        texts.truncate(settings.instructions_a_call);
        for text in texts {
            let mut item = run.item(&settings.site, INSTRUCTIONS, &call, &text);
            item.parsed = json!({ "instruction": text });
            (item.checks, item.max_rouge) = known.checks(&text, settings);
            if item.is_kept() {
                known.push(&text);
                all.push(Instruction { id: item.id.clone(), text, seed: false });
            }
            run.take(INSTRUCTIONS, item);
        }
    }
    Ok(all)
}

/// What is there already.
#[derive(Default)]
struct Known {
    texts: BTreeSet<String>,
    pool: Pool,
}

impl Known {
    fn push(&mut self, text: &str) {
        self.texts.insert(text.to_lowercase());
        self.pool.push(text);
    }

    /// The checks in order, up to the first that fails, and the largest ROUGE-L if it was asked for.
    fn checks(&self, text: &str, settings: &Settings) -> (Vec<Check>, Option<f64>) {
        #[expect(clippy::cast_precision_loss, reason = "letters")]
        let count = |count: usize| count as f64;
        let letters =
            Check::at_most("letters-max", count(text.chars().count()), count(settings.instruction_letters_max));
        if !letters.pass {
            return (vec![letters], None);
        }
        let repeated = Check::plain("repeated", !self.texts.contains(&text.to_lowercase()));
        if !repeated.pass {
            return (vec![letters, repeated], None);
        }
        let rouge = self.pool.nearest(text).map_or(0.0, |nearest| nearest.rouge_l);
        (vec![letters, repeated, Check::at_most("novelty", rouge, settings.rouge_max)], Some(rouge))
    }
}
