//! Which examples are trained on and which are kept apart. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dataset::ChatExample;
use serde::{Deserialize, Serialize};

/// How a curriculum is drawn; `[lessons.dataset]` of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatasetSettings {
    /// The newest examples are taken, at most this many.
    pub examples_max: usize,
    /// Share of the prompts kept apart for the exam, chosen by their hash.
    pub held_out_fraction: f64,
    /// The exam asks at most this many, the newest.
    pub held_out_max: usize,
}

impl Default for DatasetSettings {
    fn default() -> Self {
        Self { examples_max: 5_000, held_out_fraction: 0.10, held_out_max: 200 }
    }
}

impl DatasetSettings {
    /// What is wrong with the numbers, each with its key, value and range; empty when nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.examples_max == 0 {
            problems.push("examples_max = 0 must be at least 1".to_owned());
        }
        if !(self.held_out_fraction > 0.0 && self.held_out_fraction < 1.0) {
            let value = self.held_out_fraction;
            problems.push(format!("held_out_fraction = {value} must lie strictly between 0 and 1"));
        }
        if self.held_out_max == 0 {
            problems.push("held_out_max = 0 must be at least 1: without an exam no version can be tried".to_owned());
        }
        problems
    }
}

/// Held-out prompts of clients from which on nothing made is held out: what a version is examined on should be what it is asked.
const HELD_OUT_OF_CLIENTS: usize = 20;

/// One prompt's example.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// Place in time.
    pub(crate) seen: usize,
    /// Made or brought, not asked by a client.
    pub(crate) made: bool,
    pub(crate) example: ChatExample,
}

/// Both sides of a split, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) train: Vec<ChatExample>,
    pub(crate) held_out: Vec<ChatExample>,
    /// Kept apart, and more than the exam asks: on neither side.
    pub(crate) surplus: usize,
    /// Of both sides: made or brought.
    pub(crate) made: usize,
}

/// Splits the newest of `examples`, by prompt hash. A prompt's side depends on its hash alone, so it never changes sides from one
/// lesson to the next; but what was made is only held out while clients have asked too few prompts for an exam.
pub(crate) fn split(examples: BTreeMap<[u8; 32], Candidate>, settings: DatasetSettings) -> Split {
    let mut newest: Vec<([u8; 32], Candidate)> = examples.into_iter().collect();
    newest.sort_by_key(|(_, candidate)| Reverse(candidate.seen));
    newest.truncate(settings.examples_max);
    let is_apart = |hash: &[u8; 32]| {
        let [first, second, ..] = *hash;
        f64::from(u16::from_le_bytes([first, second])) / 65_536.0 < settings.held_out_fraction
    };
    let of_clients = newest.iter().filter(|(hash, candidate)| !candidate.made && is_apart(hash)).count();
    let mut split = Split { made: newest.iter().filter(|(_, candidate)| candidate.made).count(), ..Split::default() };
    for (hash, Candidate { made, example, .. }) in newest {
        if !is_apart(&hash) || (made && of_clients >= HELD_OUT_OF_CLIENTS) {
            split.train.push(example);
        } else if split.held_out.len() < settings.held_out_max {
            split.held_out.push(example);
        } else {
            split.surplus += 1;
            split.made -= usize::from(made);
        }
    }
    split.train.reverse();
    split.held_out.reverse();
    split
}
