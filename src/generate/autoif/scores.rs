//! Stages 8 and 9: the teacher scores the answers that passed; those that score well are exported.

use serde::Serialize;
use serde_json::json;
use wire::Sampling;

use super::answers::{Answered, Verified};
use super::settings::Settings;
use super::{SCORES, VERIFICATION, parse};
use crate::GenerateError;
use crate::item::{Check, Label};
use crate::prompts::question;
use crate::run::{Ask, Run};

const TOKENS_MAX: u32 = 256;

/// An answer with its score, kept or not.
pub(super) struct Scored {
    pub(super) answered: Answered,
    score: f64,
    pub(super) is_kept: bool,
}

#[derive(Serialize)]
pub(super) struct Line<'a> {
    instruction: &'a str,
    query: &'a str,
    response: &'a str,
    score: f64,
}

/// The form that Alpaca's tools read.
#[derive(Serialize)]
pub(super) struct Alpaca {
    instruction: String,
    input: &'static str,
    output: String,
    history: [String; 0],
}

impl Scored {
    /// For people and other tools.
    pub(super) fn line(&self) -> Line<'_> {
        let Answered { instruction, query, text, .. } = &self.answered;
        Line { instruction, query, response: text, score: self.score }
    }

    pub(super) fn alpaca(&self) -> Alpaca {
        Alpaca { instruction: self.answered.asked(), input: "", output: self.answered.text.clone(), history: [] }
    }
}

/// Takes what the functions dropped, and scores and takes the rest.
pub(super) async fn scored(
    run: &mut Run,
    settings: &Settings,
    verified: Vec<Verified>,
) -> Result<Vec<Scored>, GenerateError> {
    let (kept, dropped): (Vec<Verified>, Vec<Verified>) = verified.into_iter().partition(|one| one.item.is_kept());
    dropped.into_iter().for_each(|one| run.take(VERIFICATION, one.item));
    let sampling = match settings.scores {
        1 => Sampling::Greedy,
        _ => Sampling::Random { temperature: 0.7, top_p: 1.0, seed: None },
    };
    let mut asks = Vec::new();
    for Verified { answered: Answered { instruction, query, text, .. }, .. } in &kept {
        let slots = json!({ "instruction": instruction, "query": query, "response": text });
        let prompt = question(run.prompts.render("autoif/score", slots)?, TOKENS_MAX, sampling);
        asks.extend((0..settings.scores as u64).map(|draw| Ask { stage: SCORES, prompt: prompt.clone(), draw }));
    }
    let mut calls = run.teacher.ask_all(asks).await?.into_iter();
    let mut scored = Vec::new();
    for Verified { answered, mut item, .. } in kept {
        let said: Vec<Option<f64>> =
            calls.by_ref().take(settings.scores).map(|call| parse::score(call.text()?)).collect();
        let score = mean(&said);
        item.label = Some(Label::Score(score));
        let limit = if settings.score_over { Check::over } else { Check::at_least };
        item.check(limit("score", score, settings.score_min));
        scored.push(Scored { answered, score, is_kept: item.is_kept() });
        run.take(SCORES, item);
    }
    Ok(scored)
}

/// The mean of the scores that can be read; 0 without one.
fn mean(scores: &[Option<f64>]) -> f64 {
    let read: Vec<f64> = scores.iter().copied().flatten().collect();
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let count = read.len().max(1) as f64;
    read.iter().sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::mean;

    #[test]
    fn the_mean_is_that_of_the_scores_that_can_be_read_and_zero_without_one() {
        assert_eq!(mean(&[Some(8.0), None, Some(9.0)]), 8.5);
        assert_eq!(mean(&[None, None]), 0.0);
        assert_eq!(mean(&[]), 0.0);
    }
}
