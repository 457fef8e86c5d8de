//! What the judge is asked: the texts beside this file as the system turn, the material as one JSON object in the
//! user turn, so that no text in it can pose as an instruction's frame.
//!
//! Knows no identities: A and B are all that the judge is told.

use serde::Serialize;
use wire::{Prompt, Role, Sampling, Turn};

use crate::cache;

const PAIRWISE: &str = include_str!("prompts/pairwise.txt");
const RUBRIC: &str = include_str!("prompts/rubric.txt");

/// First line of every pairwise request; its user turn is `{"conversation": [{"role", "content"}, ...], "answer_a",
/// "answer_b"}`.
pub const PAIRWISE_OPENING: &str = "You judge two answers of a game character.";
/// First line of every rubric request; its user turn is `{"conversation": [{"role", "content"}, ...], "answer"}`.
pub const RUBRIC_OPENING: &str = "You rate one answer of a game character.";

/// Both answers are cut to this many characters, so that a runaway answer neither impresses by length nor costs more.
pub(crate) const ANSWER_CHARS_MAX: usize = 4_000;
/// System turns and newest turns are kept; older ones go until the rest has at most this many characters.
pub(crate) const CONVERSATION_CHARS_MAX: usize = 24_000;

#[derive(Serialize)]
struct Pair<'a> {
    conversation: Vec<&'a Turn>,
    answer_a: &'a str,
    answer_b: &'a str,
}

#[derive(Serialize)]
struct Single<'a> {
    conversation: Vec<&'a Turn>,
    answer: &'a str,
}

/// Names the texts that the judge is asked by: verdicts of another version are other evidence.
#[must_use]
pub fn prompt_version() -> String {
    let hash = blake3::Hash::from_bytes(cache::key([PAIRWISE, RUBRIC]));
    hash.to_hex().chars().take(16).collect()
}

/// Which of two answers is better, `a` being shown first.
pub(crate) fn pairwise(asked: &Prompt, a: &str, b: &str, max_tokens: u32) -> Result<Prompt, serde_json::Error> {
    let pair = Pair { conversation: conversation(&asked.turns), answer_a: cut(a), answer_b: cut(b) };
    Ok(request(PAIRWISE, serde_json::to_string(&pair)?, max_tokens))
}

/// How good one answer is.
pub(crate) fn rubric(asked: &Prompt, answer: &str, max_tokens: u32) -> Result<Prompt, serde_json::Error> {
    let single = Single { conversation: conversation(&asked.turns), answer: cut(answer) };
    Ok(request(RUBRIC, serde_json::to_string(&single)?, max_tokens))
}

fn request(system: &str, material: String, max_tokens: u32) -> Prompt {
    let turns = vec![Turn { role: Role::System, text: system.into() }, Turn { role: Role::User, text: material }];
    Prompt::new(turns, max_tokens, Sampling::Greedy)
}

/// `text` without the white space around it, at most [`ANSWER_CHARS_MAX`] long.
fn cut(text: &str) -> &str {
    let text = text.trim();
    let end = text.char_indices().nth(ANSWER_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

/// The turns that the judge reads, in their order: the facts (system turns) and the last turn always.
fn conversation(turns: &[Turn]) -> Vec<&Turn> {
    let mut left = CONVERSATION_CHARS_MAX;
    let mut kept: Vec<bool> = vec![false; turns.len()];
    let facts = |turn: &Turn| turn.role == Role::System;
    for (turn, keep) in turns.iter().zip(&mut kept).filter(|(turn, _)| facts(turn)) {
        *keep = true;
        left = left.saturating_sub(turn.text.chars().count());
    }
    let newest_first = turns.iter().zip(&mut kept).rev().filter(|(turn, _)| !facts(turn)).enumerate();
    for (age, (turn, keep)) in newest_first {
        let length = turn.text.chars().count();
        if age > 0 && length > left {
            break;
        }
        *keep = true;
        left = left.saturating_sub(length);
    }
    turns.iter().zip(kept).filter_map(|(turn, keep)| keep.then_some(turn)).collect()
}
