//! Gemma's chat format: from a conversation to the exact tokens that the model was tuned on.
//!
//! `<bos>` and then, for every turn, `<start_of_turn>{user|model}\n{text}<end_of_turn>\n`. There is
//! no system turn: its text goes before the first user turn's. Tokens are built piece by piece, so
//! control tokens come only from here and the completion's place is known without searching.

use std::ops::Range;

use wire::{Role, Turn};

use crate::error::GemmaError;
use crate::tokenizer::Tokenizer;

/// A tokenised conversation whose last turn is to be learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenisedExample {
    pub ids: Vec<u32>,
    /// The reply's tokens and the closing `<end_of_turn>`.
    pub completion: Range<usize>,
}

/// The conversation as Gemma's template wants it: user and assistant in alternation, starting with
/// user. System texts are joined with a blank line and go before the first user turn; neighbours of
/// one role are joined with a blank line; a missing first user turn is an empty one. Texts are
/// trimmed, except that the system text keeps its own leading space, as the template does.
#[must_use]
pub fn normalise(turns: &[Turn]) -> Vec<Turn> {
    let systems: Vec<&str> = turns.iter().filter(|t| t.role == Role::System).map(|t| t.text.as_str()).collect();
    let mut result: Vec<Turn> = Vec::new();
    for turn in turns.iter().filter(|t| t.role != Role::System) {
        let text = turn.text.trim();
        match result.last_mut() {
            Some(last) if last.role == turn.role => {
                last.text.push_str("\n\n");
                last.text.push_str(text);
            }
            _ => result.push(Turn { role: turn.role, text: text.to_owned() }),
        }
    }
    if result.first().is_none_or(|t| t.role != Role::User) {
        result.insert(0, Turn { role: Role::User, text: String::new() });
    }
    if let (false, Some(first)) = (systems.is_empty(), result.first_mut()) {
        first.text = format!("{}\n\n{}", systems.join("\n\n"), first.text);
    }
    result
}

/// The tokens to put before a reply: exactly one `<bos>`, the turns, `<start_of_turn>model\n`.
///
/// # Errors
/// When the tokenizer refuses a text.
pub fn prompt_ids(tokenizer: &Tokenizer, turns: &[Turn]) -> Result<Vec<u32>, GemmaError> {
    let special = tokenizer.special;
    let mut ids = vec![special.bos];
    for turn in normalise(turns) {
        let name = if turn.role == Role::Assistant { "model" } else { "user" };
        ids.push(special.start_of_turn);
        ids.extend(tokenizer.encode(&format!("{name}\n{}", turn.text))?);
        ids.push(special.end_of_turn);
        ids.extend(tokenizer.encode("\n")?);
    }
    ids.push(special.start_of_turn);
    ids.extend(tokenizer.encode("model\n")?);
    Ok(ids)
}

/// The tokens of a conversation and its reply, and which of them are learnt.
///
/// # Errors
/// When the tokenizer refuses a text.
pub fn example_ids(tokenizer: &Tokenizer, turns: &[Turn], reply: &str) -> Result<TokenisedExample, GemmaError> {
    let mut ids = prompt_ids(tokenizer, turns)?;
    let start = ids.len();
    ids.extend(tokenizer.encode(reply.trim())?);
    ids.push(tokenizer.special.end_of_turn);
    let completion = start..ids.len();
    Ok(TokenisedExample { ids, completion })
}

#[cfg(test)]
mod tests;
