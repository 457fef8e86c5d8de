//! Log-probabilities of an answer's tokens, as both APIs write them.

use serde_json::{Value, json};

use crate::{Logprob, TokenLogprob};

/// The least that is said: OpenAI's figure for what is next to impossible.
const LEAST: f32 = -9999.0;
/// OpenAI's limit of `top_logprobs`.
pub(crate) const TOP_MAX: u8 = 20;

/// Entries as chat completions have them, and Responses in their content.
pub(crate) fn entries(tokens: &[Logprob]) -> Value {
    list(tokens, |token| json!({"token": text(token), "logprob": logprob(token), "bytes": token.bytes}))
}

/// The same without bytes, as Responses have them in the events of a stream.
pub(crate) fn entries_without_bytes(tokens: &[Logprob]) -> Value {
    list(tokens, |token| json!({"token": text(token), "logprob": logprob(token)}))
}

/// The pieces of `text` and the tokens of each: one token, or those that a character is made of.
pub(crate) fn pieces<'a>(text: &'a str, tokens: &'a [Logprob]) -> Vec<(&'a str, &'a [Logprob])> {
    let (mut pieces, mut begin, mut first) = (Vec::new(), 0, 0);
    for (at, token) in tokens.iter().enumerate() {
        if let Some(piece) = text.get(begin..token.end).filter(|piece| !piece.is_empty()) {
            pieces.push((piece, tokens.get(first..=at).unwrap_or_default()));
            (begin, first) = (token.end, at + 1);
        }
    }
    if let Some(rest) = text.get(begin..).filter(|rest| !rest.is_empty()) {
        pieces.push((rest, tokens.get(first..).unwrap_or_default()));
    }
    pieces
}

fn list(tokens: &[Logprob], entry: impl Fn(&TokenLogprob) -> Value) -> Value {
    let whole = |token: &Logprob| {
        let mut said = entry(&token.chosen);
        if let Some(fields) = said.as_object_mut() {
            fields.insert("top_logprobs".to_owned(), token.top.iter().map(&entry).collect());
        }
        said
    };
    tokens.iter().map(whole).collect()
}

fn text(token: &TokenLogprob) -> String {
    String::from_utf8_lossy(&token.bytes).into_owned()
}

fn logprob(token: &TokenLogprob) -> f32 {
    token.logprob.max(LEAST)
}
