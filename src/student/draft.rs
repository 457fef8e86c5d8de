//! Drafts: what an answer may go on with, looked up in its prompt, in itself and in the call site's earlier answers (prompt lookup
//! decoding, Saxena 2023; LLMA, Yang et al. 2023).
//!
//! Whether a draft is right is for the model to say, which reads several tokens in about the time of one. Nothing here chooses a token.

use std::collections::VecDeque;

use blake3::Hash;

use crate::sites::Sites;

/// Tokens that an earlier place has to share with the end of the text.
const MATCH_MIN: usize = 2;
/// Longer matches are no better.
const MATCH_MAX: usize = 8;
/// From here on a match is long, and a draft after it, too.
const LONG: usize = 4;
/// Tokens of a draft after a short match: about as many as a run reads for the price of one.
const SHORT_DRAFT: usize = 3;
/// Answers of a call site that are kept.
const ANSWERS_MAX: usize = 32;
/// Tokens of an answer that are kept.
const ANSWER_TOKENS_MAX: usize = 1024;
/// Tokens before an answer that are kept with it: how a text goes on from its very beginning.
const LEAD: usize = 4;
/// A draft whose first token is right less often is not worth reading.
const WORTH: f64 = 0.25;
/// Drafts that are not worth it and are made all the same, one in so many: a site may change.
const RETRY: u32 = 16;
/// Share of the newest draft in how often they are right.
const NEWEST: f64 = 0.1;

/// What call sites have answered, and how often drafts were right.
pub(crate) struct Drafts {
    sites: Sites<Site>,
    /// Tokens of a draft, at most; 0 makes none.
    most: usize,
}

#[derive(Default)]
struct Site {
    answers: VecDeque<Vec<u32>>,
    /// How often the first token of a draft was right, after a short match and after a long one.
    right: [Rate; 2],
}

#[derive(Clone, Copy)]
struct Rate {
    share: f64,
    passed_over: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { share: 0.5, passed_over: 0 }
    }
}

/// Some tokens, and whether they come after a long match.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) tokens: Vec<u32>,
    long: bool,
}

impl Drafts {
    pub(crate) fn new(most: usize) -> Self {
        Self { sites: Sites::default(), most }
    }

    /// Keeps the answer that `text` ends with, its first `prompt` tokens being the prompt.
    pub(crate) fn note(&mut self, adapter: Option<Hash>, text: &[u32], prompt: usize) {
        let first = prompt.saturating_sub(LEAD);
        let answer = text.get(first..text.len().min(prompt + ANSWER_TOKENS_MAX)).unwrap_or_default();
        if self.most == 0 || answer.len() <= LEAD + 1 {
            return;
        }
        let answers = &mut self.sites.entry(adapter).answers;
        answers.retain(|known| known != answer);
        answers.push_front(answer.to_vec());
        answers.truncate(ANSWERS_MAX);
    }

    /// What `text` may go on with, `room` tokens at most.
    pub(crate) fn draft(&mut self, adapter: Option<Hash>, text: &[u32], room: usize) -> Draft {
        let most = self.most.min(room);
        if most == 0 {
            return Draft::default();
        }
        let site = self.sites.entry(adapter);
        let mut best = (0, &[][..]);
        for source in std::iter::once(text).chain(site.answers.iter().map(Vec::as_slice)) {
            let found = lookup(text, source);
            if found.0 > best.0 {
                best = found;
            }
        }
        let (matched, follows) = best;
        if matched < MATCH_MIN || follows.is_empty() {
            return Draft::default();
        }
        let long = matched >= LONG;
        let rate = &mut site.right[usize::from(long)];
        if rate.share < WORTH && rate.passed_over < RETRY {
            rate.passed_over += 1;
            return Draft::default();
        }
        rate.passed_over = 0;
        let count = if long { most } else { most.min(SHORT_DRAFT) };
        Draft { tokens: follows.get(..count).unwrap_or(follows).to_vec(), long }
    }

    /// Learns whether the first token of a draft was right.
    pub(crate) fn learn(&mut self, adapter: Option<Hash>, draft: &Draft, right: bool) {
        if let Some(site) = self.sites.get_mut(adapter).filter(|_| !draft.tokens.is_empty()) {
            let rate = &mut site.right[usize::from(draft.long)];
            rate.share += NEWEST * (f64::from(u8::from(right)) - rate.share);
        }
    }
}

/// The latest place in `source`, before its end, where it reads as `text` ends, for as many tokens as anywhere: how many these are, and
/// what follows there.
fn lookup<'a>(text: &[u32], source: &'a [u32]) -> (usize, &'a [u32]) {
    let mut best = (0, &[][..]);
    for end in (1..source.len()).rev() {
        let before = source.iter().take(end).rev();
        let matched = before.zip(text.iter().rev()).take(MATCH_MAX).take_while(|(left, right)| left == right).count();
        if matched > best.0 {
            best = (matched, source.get(end..).unwrap_or_default());
            if matched == MATCH_MAX {
                break;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests;
