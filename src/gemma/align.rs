//! What another model thought of an answer's tokens, in this tokenizer's tokens.
//!
//! A teacher has a vocabulary of its own. Where one of its tokens and one of ours stand for the same bytes of the answer, both
//! models were at the same place in the text, and what the teacher might have said instead can be compared: every alternative that is
//! exactly one token here. Everywhere else nothing is said. That is less than what methods do that sum over pieces of words,
//! and exact.

use std::collections::BTreeMap;

use crate::error::GemmaError;
use crate::tokenizer::{Piece, Tokenizer};

/// A token of the teacher's: the bytes that it stands for, and every token that it considered here (itself included)
/// with its log-probability, nats.
#[derive(Clone, Debug, PartialEq)]
pub struct TeacherToken<'a> {
    pub bytes: &'a [u8],
    pub considered: Vec<(&'a [u8], f64)>,
}

/// What the teacher thought of one of our tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftTarget {
    /// The token's place in the tokens of the trimmed reply.
    pub at: usize,
    /// Distinct tokens of ours with the teacher's probabilities, the reply's own among them; of sum 1 at most.
    pub known: Vec<(u32, f64)>,
}

/// The soft targets of `reply`, which `teacher` spells; it is trimmed as `example_ids` does.
///
/// # Errors
/// When the tokenizer refuses a text.
pub fn soft_targets(
    tokenizer: &Tokenizer,
    reply: &str,
    teacher: &[TeacherToken<'_>],
) -> Result<Vec<SoftTarget>, GemmaError> {
    let trimmed = reply.trim();
    let mut start = 0usize;
    let mut theirs = BTreeMap::new();
    let lead = reply.len() - reply.trim_start().len();
    for token in teacher {
        let end = start + token.bytes.len();
        // Places are those of the trimmed reply.
        if let Some(begin) = start.checked_sub(lead) {
            theirs.insert((begin, end - lead), token);
        }
        start = end;
    }
    let mut found = Vec::new();
    for (at, Piece { id, span }) in tokenizer.pieces(trimmed)?.into_iter().enumerate() {
        let Some(token) = span.and_then(|span| theirs.get(&(span.start, span.end))) else { continue };
        let mut known: BTreeMap<u32, f64> = BTreeMap::new();
        for (bytes, logprob) in &token.considered {
            let ours = if *bytes == token.bytes { Some(id) } else { single(tokenizer, bytes)? };
            if let Some(ours) = ours {
                // The same token twice is one outcome.
                known.entry(ours).or_insert_with(|| logprob.min(0.0).exp());
            }
        }
        if known.contains_key(&id) {
            let sum = known.values().sum::<f64>().max(1.0);
            found.push(SoftTarget { at, known: known.into_iter().map(|(id, p)| (id, p / sum)).collect() });
        }
    }
    Ok(found)
}

/// The one token that `bytes` are; `None` where they are several, or no text.
fn single(tokenizer: &Tokenizer, bytes: &[u8]) -> Result<Option<u32>, GemmaError> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(None) };
    Ok(match tokenizer.encode(text)?.as_slice() {
        [one] => Some(*one),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
