//! The copy curriculum: rows of random tokens with spans of them repeated.
//!
//! A small model learns to look up and repeat what it has seen ("induction", Olsson et al. 2022)
//! from dense rows like these in a fraction of the steps that plain text takes.

use gemma::TokenisedExample;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::item::{Item, Sequence};

/// Stream of the copy curriculum's random numbers, with the step added.
const COPY_STREAM: u64 = 1 << 41;
/// Ids below this are control tokens in every Gemma-like tokenizer that is trained here.
const FIRST_TEXT_TOKEN: u32 = 8;

/// One row: `bos`, random tokens, then either all of them again and again or spans of them, until
/// `length` is reached. The repeated part is what is learnt.
pub(crate) fn row(rng: &mut impl Rng, bos: u32, tokens: std::ops::Range<u32>, length: usize) -> TokenisedExample {
    let length = length.max(12);
    let fresh = length / 4 + rng.random_range(0..length / 4 + 1);
    let whole = rng.random_bool(0.5);
    let mut ids = vec![bos];
    ids.extend((0..fresh).map(|_| rng.random_range(tokens.clone())));
    while ids.len() < length {
        let start = if whole { 1 } else { rng.random_range(1..fresh) };
        let span = if whole { fresh } else { rng.random_range(2..9).min(fresh + 1 - start) };
        ids.extend_from_within(start..start + span);
    }
    ids.truncate(length);
    let completion = fresh + 1..ids.len();
    TokenisedExample { ids, completion }
}

/// Which rows of a step are put in the place of examples.
pub(crate) struct Mixture {
    /// The share of them.
    pub(crate) share: f64,
    pub(crate) seed: u64,
    pub(crate) step: usize,
    pub(crate) bos: u32,
    pub(crate) vocabulary: u32,
}

impl Mixture {
    /// Puts rows of the curriculum in the place of some examples, as long as those.
    pub(crate) fn into_items(self, items: &mut [Item]) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(COPY_STREAM + self.step as u64);
        let tokens = FIRST_TEXT_TOKEN.min(self.vocabulary - 1)..self.vocabulary;
        for Sequence { tokens: example, .. } in items.iter_mut().flat_map(|item| &mut item.sequences) {
            if rng.random::<f64>() < self.share {
                *example = row(&mut rng, self.bos, tokens.clone(), example.ids.len());
            }
        }
    }
}

#[cfg(test)]
mod tests;
