//! The part of the vocabulary that a call site uses, learnt while it answers: the head need compute no more of it.
//!
//! A third of a token's time goes into the head at a vocabulary of 262,144. A site whose answers have long been without a token that was in
//! none of its texts before is given a list: the common tokens, those of its texts, and those of the prompt at hand. Every so often the
//! whole head is computed all the same, and a site whose answers want what is not listed loses its list.

use blake3::Hash;

use crate::sites::Sites;
use crate::tiles::Tiles;

/// Tokens that are always listed: in Gemma's vocabulary the first ones are control tokens, bytes, and the most frequent pieces of words.
const COMMON: u32 = 1 << 14;
/// Answer tokens in a row that have to be listed already before a list is used: with that, at most 3 in 1,000 are not (rule of three).
const LEARN_TOKENS: u32 = 1000;
/// The whole head is computed in one run of so many.
const CHECK_EVERY: u32 = 32;
/// Tokens outside of a list, of those that were checked, that a site may have: more than one in 1,000, and never for fewer than three.
const OUTSIDE_SHARE_MAX: f64 = 0.001;
const OUTSIDE_MIN: u32 = 3;

/// The lists of all call sites.
pub(crate) struct Shortlists {
    enabled: bool,
    common: Tiles,
    learn_tokens: u32,
    sites: Sites<Site>,
    runs: u32,
}

#[derive(Default)]
struct Site {
    tiles: Tiles,
    /// Answer tokens since one was new.
    since_new: u32,
    checked: u32,
    outside: u32,
    lost: bool,
}

impl Shortlists {
    /// Of a vocabulary that is larger than what is always listed; of a smaller one there are none.
    pub(crate) fn new(enabled: bool, vocab: usize) -> Self {
        Self::with(enabled && vocab > COMMON as usize, COMMON, LEARN_TOKENS)
    }

    /// With so many common tokens, and answer tokens to learn from.
    pub(crate) fn with(enabled: bool, common: u32, learn_tokens: u32) -> Self {
        Self { enabled, common: Tiles::below(common), learn_tokens, sites: Sites::default(), runs: 0 }
    }

    /// What is to be computed of the vocabulary for an answer to `prompt`; nothing where that is all of it.
    pub(crate) fn list(&self, adapter: Option<Hash>, prompt: &[u32]) -> Option<Tiles> {
        let site = self.sites.get(adapter).filter(|site| !site.lost && site.since_new >= self.learn_tokens)?;
        let mut tiles = self.common.clone();
        tiles.add(&site.tiles);
        tiles.insert_all(prompt);
        Some(tiles)
    }

    /// Whether the whole head is to be computed in the next run, whoever is in it.
    pub(crate) fn check_is_due(&mut self) -> bool {
        self.runs = (self.runs + 1) % CHECK_EVERY;
        self.runs == 0
    }

    /// Learns what a token that was chosen from the whole vocabulary says about an answer's list, which it then has; whether it was
    /// outside.
    pub(crate) fn check(&mut self, adapter: Option<Hash>, list: &mut Tiles, token: u32) -> bool {
        let outside = list.insert(token);
        if let Some(site) = self.sites.get_mut(adapter) {
            site.checked += 1;
            site.outside += u32::from(outside);
            site.tiles.insert(token);
            site.lost |=
                site.outside >= OUTSIDE_MIN && f64::from(site.outside) > f64::from(site.checked) * OUTSIDE_SHARE_MAX;
        }
        outside
    }

    /// Learns from an answer that was written, its first `prompt` tokens being the prompt.
    pub(crate) fn note(&mut self, adapter: Option<Hash>, text: &[u32], prompt: usize) {
        if !self.enabled {
            return;
        }
        let (prompt, answer) = text.split_at(prompt.min(text.len()));
        let mut own = Tiles::default();
        own.insert_all(prompt);
        let site = self.sites.entry(adapter);
        for token in answer {
            let known = self.common.contains(*token) || site.tiles.contains(*token) || own.contains(*token);
            site.since_new = if known { site.since_new.saturating_add(1) } else { 0 };
            site.tiles.insert(*token);
        }
    }
}

#[cfg(test)]
mod tests;
