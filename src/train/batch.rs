//! Padded batches of examples, their order, and their split into micro-batches.

use gemma::TokenisedExample;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::kernels::Geometry;

/// Sequences of one length, padded on the right.
pub(crate) struct Batch {
    /// `sequences * positions` ids.
    pub(crate) ids: Vec<u32>,
    pub(crate) geometry: Geometry,
    /// Places in `ids` whose next token is learnt, ascending.
    pub(crate) rows: Vec<u32>,
    /// Those next tokens.
    pub(crate) targets: Vec<u32>,
}

impl Batch {
    pub(crate) fn new(examples: &[&TokenisedExample], pad: u32) -> Self {
        let positions = examples.iter().map(|e| e.ids.len()).max().unwrap_or(0);
        let mut batch = Self {
            ids: Vec::with_capacity(examples.len() * positions),
            geometry: Geometry { sequences: examples.len(), positions },
            rows: Vec::new(),
            targets: Vec::new(),
        };
        for (sequence, example) in examples.iter().enumerate() {
            batch.ids.extend_from_slice(&example.ids);
            batch.ids.resize((sequence + 1) * positions, pad);
            for (at, id) in example.ids.iter().enumerate().filter(|(at, _)| *at > 0 && example.completion.contains(at))
            {
                batch.rows.push((sequence * positions + at - 1) as u32);
                batch.targets.push(*id);
            }
        }
        batch
    }

    /// What was found by row, taken apart by sequence.
    pub(crate) fn by_sequence<'a, N>(&self, by_row: &'a [N]) -> Vec<&'a [N]> {
        let ends = (1..=self.geometry.sequences)
            .map(|sequence| self.rows.partition_point(|row| (*row as usize) < sequence * self.geometry.positions));
        let mut start = 0;
        let cut = |end| by_row.get(std::mem::replace(&mut start, end)..end).unwrap_or_default();
        ends.map(cut).collect()
    }
}

/// The batches of one pass over the data, as indices of examples: shuffled, then sorted by length
/// inside runs of eight batches so that little is padding, then the batches shuffled again.
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

/// Splits a batch, of which the size of every item is given, into rounds that run one after another, each split into up
/// to `threads` micro-batches of about equal cost; an item is named by its place. No round holds more than `tokens`
/// tokens, padding included, unless it is one item that is longer; 0 makes one round of all.
pub(crate) fn split_microbatches(sizes: &[Geometry], tokens: usize, threads: usize) -> Vec<Vec<Vec<usize>>> {
    let mut sorted: Vec<(usize, &Geometry)> = sizes.iter().enumerate().collect();
    sorted.sort_by_key(|(_, size)| size.positions);
    let mut rounds: Vec<Vec<usize>> = vec![Vec::new()];
    let mut sequences = 0;
    for (place, size) in sorted {
        match rounds.last_mut() {
            // In ascending order the newest is the longest, to which all would be padded.
            Some(round)
                if round.is_empty() || tokens == 0 || (sequences + size.sequences) * size.positions <= tokens =>
            {
                round.push(place);
                sequences += size.sequences;
            }
            _ => {
                rounds.push(vec![place]);
                sequences = size.sequences;
            }
        }
    }
    rounds.iter().map(|round| split_over_threads(round, threads)).collect()
}

fn split_over_threads(round: &[usize], threads: usize) -> Vec<Vec<usize>> {
    let parts = threads.clamp(1, round.len().max(1));
    (0..parts).map(|part| round.iter().skip(part).step_by(parts).copied().collect()).collect()
}

#[cfg(test)]
mod tests;
