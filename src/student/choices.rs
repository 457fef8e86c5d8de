//! Several answers to one prompt (OpenAI's `n`): each is a prompt of its own, so that they are written together like any others, and what
//! they have in common is read once ([`crate::prefix`]).

use wire::{Answer, Prompt, Sampling};

/// What keeps the seeds of neighbouring choices apart: 2^64 divided by the golden ratio, odd (Steele et al. 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The prompts of a prompt's choices, of which greedy ones are all the same and therefore one. The first choice has the prompt's own
/// seed.
pub(crate) fn split(mut prompt: Prompt) -> Vec<Prompt> {
    let choices = std::mem::replace(&mut prompt.choices, 1);
    let seeded = |choice: u32| {
        let mut own = prompt.clone();
        if let Sampling::Random { seed: Some(seed), .. } = &mut own.sampling {
            *seed = seed.wrapping_add(STEP.wrapping_mul(u64::from(choice)));
        }
        own
    };
    let different = if is_greedy(prompt.sampling) { 1 } else { choices.max(1) };
    (0..different).map(seeded).collect()
}

/// One answer of `choices` choices from those that were written: the last one fills up what is missing.
pub(crate) fn join(written: Vec<Answer>, choices: u32) -> Option<Answer> {
    let mut all = written;
    let last = all.last()?.clone();
    all.resize(all.len().max(choices as usize), last);
    let written = all.iter().map(|answer| answer.usage.completion_tokens).sum();
    let mut all = all.into_iter();
    let mut first = all.next()?;
    first.usage.completion_tokens = written;
    first.further = all.collect();
    Some(first)
}

fn is_greedy(sampling: Sampling) -> bool {
    !matches!(sampling, Sampling::Random { temperature, .. } if temperature > 0.0)
}

#[cfg(test)]
mod tests;
