//! Batches of examples, their order, and their split into micro-batches.

use candle_core::Tensor;
use gemma::TokenisedExample;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::soft::Soft;
use crate::tree::{Tree, lay_out};

/// Sequences that go through the model together.
pub(crate) struct Batch {
    /// By row of the tree.
    pub(crate) ids: Vec<u32>,
    pub(crate) tree: Tree,
    /// Rows whose next token is learnt, sequence after sequence: a row that several sequences share may stand there several times.
    pub(crate) rows: Vec<u32>,
    /// Those next tokens.
    pub(crate) targets: Vec<u32>,
    /// By row, what the teacher thought of the next token; empty where it said nothing at all.
    pub(crate) soft: Vec<Option<Soft>>,
    /// By row, what the layers that are not trained made of it; without it they compute it.
    pub(crate) lower: Option<Tensor>,
    /// By sequence, the row of each of its tokens.
    pub(crate) places: Vec<Vec<u32>>,
    /// By sequence, where its rows end in `rows`.
    ends: Vec<usize>,
}

impl Batch {
    pub(crate) fn new(examples: &[&TokenisedExample]) -> Self {
        let sequences: Vec<&[u32]> = examples.iter().map(|example| example.ids.as_slice()).collect();
        let laid = lay_out(&sequences);
        let (mut rows, mut targets, mut ends) = (Vec::new(), Vec::new(), Vec::with_capacity(examples.len()));
        for (example, places) in examples.iter().zip(&laid.rows) {
            // The token before each one says it.
            for (at, id) in example.ids.iter().enumerate().skip(1).filter(|(at, _)| example.completion.contains(at)) {
                rows.extend(places.get(at - 1));
                targets.push(*id);
            }
            ends.push(rows.len());
        }
        Self { ids: laid.ids, tree: laid.tree, rows, targets, soft: Vec::new(), lower: None, places: laid.rows, ends }
    }

    /// One sequence from which nothing is learnt.
    pub(crate) fn single(ids: &[u32]) -> Self {
        Self::new(&[&TokenisedExample { ids: ids.to_vec(), completion: 0..0 }])
    }

    pub(crate) fn sequences(&self) -> usize {
        self.ends.len()
    }

    /// What was found by row, taken apart by sequence.
    pub(crate) fn by_sequence<'a, N>(&self, by_row: &'a [N]) -> Vec<&'a [N]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| by_row.get(start..*end).unwrap_or_default()).collect()
    }
}

/// The batches of one pass over the data, as indices of examples: shuffled, then sorted by length
/// inside runs of eight batches so that the examples of a batch cost about as much as each other, then the batches shuffled again.
pub(crate) fn epoch_batches(lengths: &[usize], batch_size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(epoch + 1);
    let mut indices: Vec<usize> = (0..lengths.len()).collect();
    indices.shuffle(&mut rng);
    for run in indices.chunks_mut(batch_size * 8) {
        run.sort_by_key(|i| lengths.get(*i).copied());
    }
    let mut batches: Vec<Vec<usize>> = indices.chunks(batch_size).map(<[usize]>::to_vec).collect();
    batches.shuffle(&mut rng);
    batches
}

/// Batches that stay the same from epoch to epoch: shuffled once by `seed`, in blocks of `batch_size`. A last block of
/// fewer than `least` is added to the one before it.
pub(crate) fn fixed_batches(items: usize, batch_size: usize, least: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut indices: Vec<usize> = (0..items).collect();
    indices.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut batches: Vec<Vec<usize>> = indices.chunks(batch_size).map(<[usize]>::to_vec).collect();
    if batches.len() > 1
        && let Some(rest) = batches.pop_if(|last| last.len() < least)
        && let Some(last) = batches.last_mut()
    {
        last.extend(rest);
    }
    batches
}

/// Splits a batch, of which every item's sequences are given, into rounds that run one after another, each split into up to `threads`
/// micro-batches of about equal cost unless they have too much in common; an item is named by its place. Items that begin alike stay together. No round computes more than
/// `tokens` tokens, unless it is one item that is longer; 0 makes one round of all.
pub(crate) fn split_microbatches(items: &[Vec<&[u32]>], tokens: usize, threads: usize) -> Vec<Vec<Vec<usize>>> {
    let mut sorted: Vec<usize> = (0..items.len()).collect();
    sorted.sort_by_key(|place| items.get(*place));
    let mut rounds: Vec<Vec<usize>> = vec![Vec::new()];
    for place in sorted {
        let parts = |round: &[usize]| shared_out(items, round, threads);
        let fits = |round: &[usize]| {
            tokens == 0 || parts(round).iter().map(|part| computed(items, part)).sum::<usize>() <= tokens
        };
        match rounds.last_mut() {
            Some(round) if round.is_empty() => round.push(place),
            Some(round) => {
                round.push(place);
                if !fits(round) {
                    round.pop();
                    rounds.push(vec![place]);
                }
            }
            None => {}
        }
    }
    rounds.iter().map(|round| shared_out(items, round, threads)).collect()
}

/// A part for each thread, or a single one where the parts would compute much of it several times: all threads work on that one together,
/// which was measured to be a quarter slower by computed token than parts of their own.
fn shared_out(items: &[Vec<&[u32]>], round: &[usize], threads: usize) -> Vec<Vec<usize>> {
    let parts = split_over_threads(items, round, threads);
    let apart: usize = parts.iter().map(|part| computed(items, part)).sum();
    if apart * 4 > computed(items, round) * 5 { vec![round.to_vec()] } else { parts }
}

/// Tokens that a micro-batch of these items computes.
fn computed(items: &[Vec<&[u32]>], places: &[usize]) -> usize {
    let sequences: Vec<&[u32]> = places.iter().filter_map(|at| items.get(*at)).flatten().copied().collect();
    lay_out(&sequences).tree.tokens()
}

/// Neighbours stay together; each part has about as many tokens as the others.
fn split_over_threads(items: &[Vec<&[u32]>], round: &[usize], threads: usize) -> Vec<Vec<usize>> {
    let tokens = |place: &usize| items.get(*place).into_iter().flatten().map(|ids| ids.len()).sum::<usize>();
    let mut left: usize = round.iter().map(tokens).sum();
    let mut rest = round;
    let mut parts = Vec::new();
    for threads in (1..=threads.clamp(1, round.len().max(1))).rev() {
        let share = left.div_ceil(threads);
        let (mut taken, mut count) = (0, 0);
        // Every part behind this one has an item at least.
        while count < rest.len() + 1 - threads && (count == 0 || taken + rest.get(count).map_or(0, tokens) / 2 < share)
        {
            taken += rest.get(count).map_or(0, tokens);
            count += 1;
        }
        let (part, after) = rest.split_at(if threads == 1 { rest.len() } else { count });
        parts.push(part.to_vec());
        (rest, left) = (after, left.saturating_sub(taken));
    }
    parts
}

#[cfg(test)]
mod tests;
