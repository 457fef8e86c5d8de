//! The copy curriculum: rows of random tokens with spans of them repeated.
//!
//! A small model learns to look up and repeat what it has seen ("induction", Olsson et al. 2022)
//! from dense rows like these in a fraction of the steps that plain text takes.

use gemma::TokenisedExample;
use rand::{Rng, RngExt};

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

#[cfg(test)]
mod tests;
