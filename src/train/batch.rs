//! Examples, their order, and padded batches of them.

use std::path::Path;

use gemma::{Example, Tokenizer, example_ids};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use wire::{Role, Turn};

use crate::error::TrainError;
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
    pub(crate) fn new(examples: &[&Example], pad: u32) -> Self {
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
}

/// One line of a data file: OpenAI's chat form; what else stands in it is not needed here.
#[derive(serde::Deserialize)]
struct Row {
    messages: Vec<Turn>,
}

/// The examples of a JSONL file and the number of those that are longer than `max_tokens`.
pub(crate) fn read(path: &Path, tokenizer: &Tokenizer, max_tokens: usize) -> Result<(Vec<Example>, usize), TrainError> {
    let text = std::fs::read_to_string(path).map_err(TrainError::read(path))?;
    let mut examples = Vec::new();
    let mut dropped = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fail = |problem: String| TrainError::Data { path: path.to_path_buf(), line: number + 1, problem };
        let row: Row = serde_json::from_str(line).map_err(|e| fail(e.to_string()))?;
        let (reply, turns) = match row.messages.split_last() {
            Some((reply, turns)) if reply.role == Role::Assistant => (reply, turns),
            _ => return Err(fail("the last message must be the assistant's".into())),
        };
        let example = example_ids(tokenizer, turns, &reply.text)?;
        if example.ids.len() > max_tokens {
            dropped += 1;
        } else {
            examples.push(example);
        }
    }
    if examples.is_empty() {
        return Err(TrainError::Empty { path: path.to_path_buf(), max_tokens });
    }
    Ok((examples, dropped))
}

/// The batches of one pass over the data, as indices of examples: shuffled, then sorted by length
/// inside runs of eight batches so that little is padding, then the batches shuffled again.
pub(crate) fn order(lengths: &[usize], batch_size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
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

/// Deals the examples of a batch to `parts` smaller ones of about equal cost.
pub(crate) fn deal<'a>(examples: &[&'a Example], parts: usize) -> Vec<Vec<&'a Example>> {
    let mut sorted = examples.to_vec();
    sorted.sort_by_key(|e| e.ids.len());
    let mut dealt = vec![Vec::new(); parts.clamp(1, examples.len().max(1))];
    let places = dealt.len();
    for (i, example) in sorted.into_iter().enumerate() {
        if let Some(part) = dealt.get_mut(i % places) {
            part.push(example);
        }
    }
    dealt
}

#[cfg(test)]
mod tests;
